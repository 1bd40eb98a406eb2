#include "algorithms/quantised.hpp"

#include <algorithm>
#include <utility>

#include "core/parallel.hpp"

namespace fastface {

namespace {

bool fits(const CheckedRows& rows) { return rows.matrix.cols <= kMaxQuantisedDims; }

}  // namespace

QuantisedRows::QuantisedRows(const CheckedRows& rows, std::size_t threads)
    : stride_((rows.matrix.cols + 3) / 4 * 4),
      values_(rows.matrix.rows * stride_),
      bounds_(rows.matrix.rows) {
  constexpr std::size_t kRowsPerPiece = 1024;
  parallel_for(rows.matrix.rows, kRowsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    const RoomFor room(rows.matrix);
    for (std::size_t row = begin; row < end; ++row) {
      std::int8_t* values = values_.data() + row * stride_;
      if (rows.present[row])
        bounds_[row] = kernels().quantise(rows.matrix.row(row, room.row()), rows.matrix.cols, values);
      else
        std::fill_n(values, stride_, std::int8_t{0});
    }
  });
}

ComparableRows::ComparableRows(Observations checked, Quantise quantise, std::size_t threads)
    : observations(std::move(checked)) {
  const bool torsos_used = observations.torsos_used;
  if (quantise == Quantise::never || (quantise == Quantise::automatic && !kernels().words_pay)) return;
  if (!fits(observations.faces) || (torsos_used && !fits(observations.torsos))) return;
  faces = QuantisedRows(observations.faces, threads);
  if (torsos_used) torsos = QuantisedRows(observations.torsos, threads);
}

ComparableRows::ComparableRows(RowsView rows, const char* name, std::size_t threads)
    : ComparableRows(Observations(CheckedRows(rows, name, threads)), Quantise::automatic, threads) {}

}  // namespace fastface
