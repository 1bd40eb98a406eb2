#include "algorithms/grouping.hpp"

#include <algorithm>
#include <numeric>

namespace fastface {

Grouping::Grouping(std::span<const std::int64_t> groups) : order_(groups.size()) {
  std::iota(order_.begin(), order_.end(), 0);
  const auto group = [&](std::int32_t row) { return groups[static_cast<std::size_t>(row)]; };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::int32_t a, std::int32_t b) { return group(a) < group(b); });
  for (std::size_t at = 1; at < order_.size(); ++at)
    if (group(order_[at]) != group(order_[at - 1])) bounds_.push_back(at);
  bounds_.push_back(order_.size());
}

std::uint64_t Grouping::n_pairs() const {
  std::uint64_t total = 0;
  for (std::size_t group = 0; group < size(); ++group)
    total += members(group).size() * members(group).size() / 2;
  return total;
}

}  // namespace fastface
