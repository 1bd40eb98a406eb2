#include "core/watch.hpp"

#include <algorithm>
#include <utility>

namespace fastface {

namespace {

thread_local Watch* watch_of_thread = nullptr;

}  // namespace

Watch::Watch(Poll poll)
    : poll_(std::move(poll)),
      maker_(std::this_thread::get_id()),
      before_(watch_of_thread),
      due_(std::chrono::steady_clock::now() + kInterval) {
  watch_of_thread = this;
}

Watch::~Watch() { watch_of_thread = before_; }

Watch* Watch::current() { return watch_of_thread; }

void report_to(Watch* watch) { watch_of_thread = watch; }

double Watch::share() const {
  const std::uint64_t total = total_.load(std::memory_order_relaxed);
  const std::uint64_t done = std::min(done_.load(std::memory_order_relaxed), total);
  return total ? begin_ + (end_ - begin_) * (static_cast<double>(done) / static_cast<double>(total)) : begin_;
}

void Watch::poll() {
  const auto now = std::chrono::steady_clock::now();
  if (now < due_) return;
  try {
    poll_(share());
  } catch (...) {
    stopped_.store(true, std::memory_order_relaxed);
    throw;
  }
  due_ = std::chrono::steady_clock::now() + kInterval;
}

Stage::Stage(std::uint64_t total, double share) : watch_(Watch::current()) {
  if (watch_ && !watch_->is_mine()) watch_ = nullptr;
  if (!watch_) return;
  outer_end_ = watch_->end_;
  watch_->begin_ = watch_->share();
  watch_->end_ = watch_->begin_ + std::clamp(share, 0.0, 1.0) * (outer_end_ - watch_->begin_);
  watch_->done_.store(0, std::memory_order_relaxed);
  watch_->total_.store(total, std::memory_order_relaxed);
}

Stage::~Stage() {
  if (!watch_) return;
  watch_->begin_ = watch_->end_;
  watch_->end_ = outer_end_;
  watch_->total_.store(0, std::memory_order_relaxed);
}

void advance(std::uint64_t work) {
  Watch* watch = watch_of_thread;
  if (!watch) return;
  if (work) watch->done_.fetch_add(work, std::memory_order_relaxed);
  if (watch->stopped_.load(std::memory_order_relaxed)) throw Stopped();
  if (watch->is_mine()) watch->poll();
}

}  // namespace fastface
