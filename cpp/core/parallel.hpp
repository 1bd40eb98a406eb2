// A small fork-join loop. No thread outlives a call, so there is no pool to fork or shut down.
#pragma once

#include <cstddef>
#include <functional>

namespace fastface {

// How many threads an argument `threads` stands for: 0 means one per core.
std::size_t n_threads(std::size_t threads);

// Calls body(begin, end) over [0, count) in pieces of at most `grain`, on up to `threads` threads
// (0 = one per core). Pieces always start at multiples of `grain`, so a body that writes only its
// own piece's output gives the same bits for any number of threads. The first exception of any
// piece stops the others and is thrown here, after every thread has ended. Pieces report to the watch of
// the calling thread (watch.hpp).
void parallel_for(std::size_t count, std::size_t grain, std::size_t threads,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

}  // namespace fastface
