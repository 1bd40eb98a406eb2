#include "core/parallel.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "core/watch.hpp"

using namespace fastface;

namespace {

void covers_every_index_once() {
  for (const std::size_t count : {0u, 1u, 2u, 7u, 64u, 1000u})
    for (const std::size_t grain : {0u, 1u, 3u, 64u, 5000u})
      for (const std::size_t threads : {0u, 1u, 2u, 4u, 9u}) {
        std::vector<int> visits(count);
        parallel_for(count, grain, threads, [&](std::size_t begin, std::size_t end) {
          for (std::size_t i = begin; i < end; ++i) ++visits[i];
        });
        for (const int visit : visits) CHECK(visit == 1);
      }
}

void pieces_start_at_multiples_of_the_grain() {
  std::atomic<int> wrong{0};
  parallel_for(1000, 16, 4, [&](std::size_t begin, std::size_t end) {
    if (begin % 16 != 0 || end - begin > 16 || end <= begin) ++wrong;
  });
  CHECK(wrong == 0);
}

void an_exception_reaches_the_caller() {
  for (const std::size_t threads : {1u, 2u, 4u}) {
    std::atomic<std::size_t> pieces{0};
    std::string message;
    try {
      parallel_for(1000, 1, threads, [&](std::size_t begin, std::size_t) {
        ++pieces;
        if (begin == 10) throw std::runtime_error("piece 10");
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK(message == "piece 10");
    if (threads == 1) CHECK(pieces == 11);  // more threads may get further before they see it
  }
}

void loops_nest() {
  std::atomic<std::size_t> sum{0};
  parallel_for(8, 1, 2, [&](std::size_t outer, std::size_t) {
    parallel_for(8, 1, 2, [&](std::size_t inner, std::size_t) { sum += outer * 8 + inner; });
  });
  CHECK(sum == 63 * 64 / 2);
}

void a_watch_stops_every_thread() {
  for (const std::size_t threads : {1u, 2u, 4u}) {
    std::vector<double> told;
    std::string message;
    try {
      const Watch watch([&told](double done) {
        told.push_back(done);
        if (told.size() == 3) throw std::runtime_error("enough");
      });
      const Stage stage(1'000'000);
      // The first piece is another thread's as often as not; all of them would take hours.
      parallel_for(1000, 1, threads, [](std::size_t, std::size_t) {
        for (int step = 0; step < 1000; ++step) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
          advance(1);
        }
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK(message == "enough");
    CHECK(told.size() == 3 && 0 <= told[0] && told[0] < told[2] && told[2] < 0.01);
    CHECK(!Watch::current());
  }
}

// What a watch is told, each time after waiting long enough to be told.
class Teller {
 public:
  double now() {
    std::this_thread::sleep_for(Watch::kInterval);
    breathe();
    return told_;
  }

 private:
  double told_ = -1;
  const Watch watch_{[this](double done) { told_ = done; }};
};

void stages_divide_what_is_ahead() {
  Teller told;
  {
    const Stage half(0, 0.5);  // divided by
    {
      const Stage counted(100, 0.4);
      advance(50);
      CHECK(std::abs(told.now() - 0.1) < 1e-9);
      advance(500);  // more than was thought
      CHECK(std::abs(told.now() - 0.2) < 1e-9);
    }
    CHECK(std::abs(told.now() - 0.2) < 1e-9);
    const Stage rest(10);
    advance(5);
    CHECK(std::abs(told.now() - 0.35) < 1e-9);
  }
  CHECK(std::abs(told.now() - 0.5) < 1e-9);
  const Stage last(4);
  advance(1);
  CHECK(std::abs(told.now() - 0.625) < 1e-9);
  std::thread([watch = Watch::current()] {
    report_to(watch);
    const Stage of_another_thread(1);
    advance(1);
  }).join();
  CHECK(std::abs(told.now() - 0.75) < 1e-9);
}

void an_idle_caller_still_polls() {
  std::atomic<bool> stop{false};
  const Watch watch([&stop](double) { stop = true; });
  parallel_for(2, 1, 2, [&stop](std::size_t piece, std::size_t) {
    // Whoever has piece 1 waits for a poll, which only the caller makes.
    while (piece == 1 && !stop) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      breathe();
    }
  });
  CHECK(stop);
}

}  // namespace

int main() {
  covers_every_index_once();
  pieces_start_at_multiples_of_the_grain();
  an_exception_reaches_the_caller();
  loops_nest();
  a_watch_stops_every_thread();
  stages_divide_what_is_ahead();
  an_idle_caller_still_polls();
  return fastface::test::result();
}
