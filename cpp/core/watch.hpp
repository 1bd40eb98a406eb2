// Lets somebody outside follow a long call, and stop it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>

namespace fastface {

// While a Watch exists, what its thread calls, and the threads that starts, report to it.
class Watch {
 public:
  // Called on the thread that made the watch, every kInterval or a little later, with the share of the
  // work that is done, 0 to 1. What it throws stops the call that is being watched, and is thrown by it.
  using Poll = std::function<void(double done)>;
  static constexpr std::chrono::milliseconds kInterval{50};

  explicit Watch(Poll poll);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // That this thread reports to; null: nobody watches.
  static Watch* current();

 private:
  friend class Stage;
  friend void advance(std::uint64_t work);

  bool is_mine() const { return maker_ == std::this_thread::get_id(); }
  void poll();

  Poll poll_;
  std::thread::id maker_;
  Watch* before_;
  std::chrono::steady_clock::time_point due_;  // of the next poll
  std::atomic<std::uint64_t> total_{0}, done_{0};
  std::atomic<bool> stopped_{false};
};

// The work that is ahead, in any unit, made by the thread that watches. The last one made counts.
class Stage {
 public:
  explicit Stage(std::uint64_t total);
};

// So much of the stage's work is done. Threads of a stopped call throw Stopped from here.
void advance(std::uint64_t work);
// The same where nothing is finished, but some milliseconds have gone by.
inline void breathe() { advance(0); }

// What the other threads of a call end with when it is stopped; the caller gets what poll threw.
struct Stopped : std::exception {
  const char* what() const noexcept override { return "the call was stopped"; }
};

// Makes a new thread report to the watch of the one that started it.
void report_to(Watch* watch);

}  // namespace fastface
