// Votes between pairs of clusters: a flat hash table from an unordered pair to a count.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fastface {

// Open addressing with linear probing; deletion shifts back, so there are no tombstones and a
// table that shrinks in use stays fast. 16 bytes a slot, at most 2/3 full.
class VoteTable {
 public:
  struct Change {
    std::int64_t before, after;
    bool inserted;
  };

  // A count never goes below `floor`, so that "never" (linkage.cpp) can be added to "never".
  Change add(std::int32_t a, std::int32_t b, std::int64_t votes, std::int64_t floor) {
    if (3 * (size_ + 1) > 2 * slots_.size()) grow();
    const std::uint64_t key = key_of(a, b);
    Slot& slot = slots_[find(key)];
    const bool inserted = slot.key == kEmpty;
    if (inserted) {
      slot = {key, 0};
      ++size_;
    }
    const std::int64_t before = slot.votes;
    slot.votes = before + votes < floor ? floor : before + votes;
    return {before, slot.votes, inserted};
  }

  // The votes of a pair, or 0 where there are none.
  std::int64_t votes(std::int32_t a, std::int32_t b) const { return slots_[find(key_of(a, b))].votes; }

  // Removes a pair; returns whether it was there, and its votes.
  std::pair<bool, std::int64_t> take(std::int32_t a, std::int32_t b) {
    std::size_t hole = find(key_of(a, b));
    if (slots_[hole].key == kEmpty) return {false, 0};
    const std::int64_t votes = slots_[hole].votes;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t next = (hole + 1) & mask; slots_[next].key != kEmpty; next = (next + 1) & mask) {
      // An entry may fill the hole unless its home lies cyclically after the hole.
      if (((next - home(slots_[next].key)) & mask) >= ((next - hole) & mask)) {
        slots_[hole] = slots_[next];
        hole = next;
      }
    }
    slots_[hole] = Slot{};
    --size_;
    return {true, votes};
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  static constexpr std::size_t kSmallest = 16;

  struct Slot {
    std::uint64_t key = kEmpty;
    std::int64_t votes = 0;
  };

  static std::uint64_t key_of(std::int32_t a, std::int32_t b) {
    const auto low = static_cast<std::uint32_t>(a < b ? a : b);
    const auto high = static_cast<std::uint32_t>(a < b ? b : a);
    return (static_cast<std::uint64_t>(low) << 32) | high;
  }

  std::size_t home(std::uint64_t key) const {
    key = (key ^ (key >> 29)) * 0x9E3779B97F4A7C15u;
    return key >> (64 - std::countr_zero(slots_.size()));
  }

  std::size_t find(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home(key);
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key != kEmpty) slots_[find(slot.key)] = slot;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSmallest);
  std::size_t size_ = 0;
};

}  // namespace fastface
