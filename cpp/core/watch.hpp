// Lets somebody outside follow a long call, and stop it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>

namespace fastface {

// While a Watch exists, what its thread calls, and the threads that starts, report to it.
class Watch {
 public:
  // Called on the thread that made the watch, every kInterval or a little later, with the share of the
  // work that is done, 0 to 1, never falling. What it throws stops the call that is being watched, and is
  // thrown by it.
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
  double share() const;
  void poll();

  Poll poll_;
  std::thread::id maker_;
  Watch* before_;
  std::chrono::steady_clock::time_point due_;  // of the next poll
  double begin_ = 0, end_ = 1;                 // the shares between which the stage lies
  std::atomic<std::uint64_t> total_{0}, done_{0};
  std::atomic<bool> stopped_{false};
};

// A part of the work, from what is done when it is made: `share` of what is ahead, in the end all done.
// total: how much it is in any unit, for advance(); about, if need be. Made by the thread that watches;
// others make none. Stages made while another exists divide that one, which then counts nothing itself.
class Stage {
 public:
  explicit Stage(std::uint64_t total, double share = 1);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  Watch* watch_;  // null: nothing to tell, or another thread's
  double outer_end_ = 1;
};

// So much of the stage's work is done. Threads of a stopped call throw Stopped from here.
void advance(std::uint64_t work);
// The same where nothing is finished, but some milliseconds have gone by.
inline void breathe() { advance(0); }

// For loops whose turns take nanoseconds: breathe() every so many of them.
class Breath {
 public:
  void operator()(std::size_t turns = 1) {
    turns_ += turns;
    if (turns_ < kTurns) return;
    turns_ = 0;
    breathe();
  }

 private:
  static constexpr std::size_t kTurns = std::size_t{1} << 15;
  std::size_t turns_ = 0;
};

// What the other threads of a call end with when it is stopped; the caller gets what poll threw.
struct Stopped : std::exception {
  const char* what() const noexcept override { return "the call was stopped"; }
};

// Makes a new thread report to the watch of the one that started it.
void report_to(Watch* watch);

}  // namespace fastface
