// This target's table. The per-kernel headers are included here so that each target is one
// translation unit: nothing but `table` has external linkage, so nothing can leak to another target.
#include "core/kernels.hpp"
#include "kernels/blocks.hpp"
#include "kernels/convolution.hpp"
#include "kernels/distances.hpp"
#include "kernels/gemm.hpp"
#include "kernels/images.hpp"
#include "kernels/lasso.hpp"
#include "kernels/quantised.hpp"
#include "kernels/row_products.hpp"
#include "kernels/split_blocks.hpp"
#include "kernels/vector.hpp"
#include "kernels/widen.hpp"
#include "kernels/words.hpp"

#define FASTFACE_STRING_(x) #x
#define FASTFACE_STRING(x) FASTFACE_STRING_(x)

namespace fastface::FASTFACE_TARGET {

extern const Kernels table;
const Kernels table = {
    .target = FASTFACE_STRING(FASTFACE_TARGET),
    .lanes = kLanes,
    .tile_rows = kTileRows,
    .tile_cols = kTileCols,
    .words_per_four = 4 / kWordValues,
    .words_pay = kWordsPay,
    .splits_floats = kHasMatrixUnit,
    .dot = dot,
    .axpy = axpy,
    .widen_halves = widen_halves,
    .widen_bytes = widen_bytes,
    .pack_panel = pack_panel,
    .strip_products = strip_products,
    .strip_block = strip_block,
    .strip_edges = strip_edges,
    .pair_distances = pair_distances,
    .quantise = quantise,
    .pack_words = pack_words,
    .strip_candidates = strip_candidates,
    .strip_largest = strip_largest,
    .strip_nearest = strip_nearest,
    .keep_nearest = keep_nearest,
    .dot_wide = dot_wide,
    .squared_norm_wide = squared_norm_wide,
    .axpy_wide = axpy_wide,
    .row_products = row_products,
    .word_products = word_products,
    .find_pulling = find_pulling,
    .hardest_pull = hardest_pull,
    .coordinate_pass = coordinate_pass,
    .solve_cholesky = solve_cholesky,
    .weigh_rows = weigh_rows,
    .weigh_columns = weigh_columns,
    .spread_row = spread_row,
    .mix_channels = mix_channels,
    .filter_channels = filter_channels,
    .pool_channels = pool_channels,
    .mix_blocks = mix_any_blocks,
    .split_weights = split_weights,
    .filter_block_rows = filter_block_rows,
    .store_words = store_words,
    .pack_word_weights = pack_word_weights,
    .mix_words = mix_words,
    .filter_word_rows = filter_word_rows,
};

}  // namespace fastface::FASTFACE_TARGET
