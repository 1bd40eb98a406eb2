#include "core/rows.hpp"

#include "core/kernels.hpp"

namespace fastface {

void RowsView::widen(std::size_t index, float* room) const {
  if (halves_)
    kernels().widen_halves(halves_ + index * cols, cols, room);
  else
    kernels().widen_bytes(bytes_ + index * cols, cols, room);
}

}  // namespace fastface
