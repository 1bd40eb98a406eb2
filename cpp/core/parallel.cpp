#include "core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/watch.hpp"

namespace fastface {

namespace {

// If starting a thread fails, those already running are joined first. (Not every standard library
// for C++20 has std::jthread.)
class Helpers {
 public:
  ~Helpers() {
    for (std::thread& helper : running_) helper.join();
  }

  void start(std::size_t count, const std::function<void()>& work) {
    running_.reserve(count);
    for (std::size_t t = 0; t < count; ++t)
      running_.emplace_back([this, &work, watch = Watch::current()] {
        report_to(watch);
        work();
        const std::lock_guard lock(mutex_);
        ++n_ended_;
        ended_.notify_one();
      });
  }

  // True when all have ended, at once or within a watch's interval.
  bool wait() {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, Watch::kInterval, [this] { return n_ended_ == running_.size(); });
  }

 private:
  std::vector<std::thread> running_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t n_ended_ = 0;
};

// The first exception of any thread. Stopped says only that there is another one.
class FirstError {
 public:
  bool any() const { return any_.load(std::memory_order_relaxed); }

  // To be called while an exception is handled.
  void take(bool stopped) {
    const std::lock_guard lock(mutex_);
    if (!error_ || (only_stopped_ && !stopped)) {
      error_ = std::current_exception();
      only_stopped_ = stopped;
    }
    any_.store(true, std::memory_order_relaxed);
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
  bool only_stopped_ = false;
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
  FirstError error;
  const auto guarded = [&error](const auto& work) {
    try {
      work();
    } catch (const Stopped&) {
      error.take(true);
    } catch (...) {
      error.take(false);
    }
  };
  const std::function<void()> work = [&] {
    guarded([&] {
      while (!error.any()) {
        const std::size_t piece = next.fetch_add(1, std::memory_order_relaxed);
        if (piece >= pieces) return;
        body(piece * step, std::min(count, (piece + 1) * step));
        breathe();
      }
    });
  };

  {
    Helpers helpers;
    if (threads > 1) helpers.start(threads - 1, work);
    work();
    while (!helpers.wait()) guarded(breathe);
  }
  error.rethrow();
}

}  // namespace fastface
