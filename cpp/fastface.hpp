// Everything that fastface offers to C++: distances of embeddings, clustering by the median of the
// members, and sparse codes. See cpp/example/ for a program.
//
// All functions take views of the caller's memory (core/view.hpp; core/rows.hpp where float16 and 8-bit
// integers will do), check their arguments and throw
// std::invalid_argument naming the one at fault. They may be called from several threads at once. A
// number of threads of 0 means one per core, and never changes a bit of the result.
#pragma once

#include "algorithms/distances.hpp"
#include "algorithms/lasso.hpp"
#include "algorithms/linkage.hpp"
#include "core/rows.hpp"
#include "core/view.hpp"
