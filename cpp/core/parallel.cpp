#include "core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fastface {

namespace {

// If starting a thread fails, those already running are joined first. (Not every standard library
// for C++20 has std::jthread.)
struct Helpers {
  std::vector<std::thread> running;

  ~Helpers() {
    for (std::thread& helper : running) helper.join();
  }
};

}  // namespace

std::size_t n_threads(std::size_t threads) {
  return threads ? threads : std::max(1u, std::thread::hardware_concurrency());
}

void parallel_for(std::size_t count, std::size_t grain, std::size_t threads,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  const std::size_t step = std::max<std::size_t>(grain, 1);
  const std::size_t pieces = (count + step - 1) / step;
  threads = std::min(n_threads(threads), pieces);

  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr first_error;
  std::mutex error_mutex;

  const auto work = [&] {
    try {
      while (!failed.load(std::memory_order_relaxed)) {
        const std::size_t piece = next.fetch_add(1, std::memory_order_relaxed);
        if (piece >= pieces) return;
        body(piece * step, std::min(count, (piece + 1) * step));
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!first_error) first_error = std::current_exception();
      failed.store(true, std::memory_order_relaxed);
    }
  };

  {
    Helpers helpers;
    if (threads > 1) {
      helpers.running.reserve(threads - 1);
      for (std::size_t t = 1; t < threads; ++t) helpers.running.emplace_back(work);
    }
    work();
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace fastface
