// The nearest rows of a gallery to any subset of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "algorithms/quantised.hpp"
#include "core/view.hpp"

namespace fastface {

// nearest() of distances.hpp for the listed rows of `queries`, in their order: both outputs are
// (listed.size(), k), and k is at most the gallery's rows.
void nearest(const ComparableRows& queries, std::span<const std::int32_t> listed,
             const ComparableRows& gallery, MatrixView<std::int64_t> indices, MatrixView<float> distances,
             std::size_t threads);

}  // namespace fastface
