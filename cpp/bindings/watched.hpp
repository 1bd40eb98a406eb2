// Runs the core without the interpreter's lock, heeding Ctrl-C and telling how far it is.
#pragma once

#include <pybind11/pybind11.h>

#include <type_traits>

#include "core/watch.hpp"

namespace fastface::bindings {

// Returns call(). `progress`: None, or called with the share that is done, some twenty times a second,
// and with 1 at the end. What it raises, or a signal's handler, stops the call and is raised.
template <class Call>
auto watched(const pybind11::object& progress, Call call) {
  namespace py = pybind11;
  const auto tell = [&progress](double done) {
    const py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) progress(done);
  };
  const auto unlocked = [&] {
    const py::gil_scoped_release release;
    const Watch watch(tell);
    return call();
  };
  if constexpr (std::is_void_v<decltype(call())>) {
    unlocked();
    if (!progress.is_none()) progress(1.0);
  } else {
    auto result = unlocked();
    if (!progress.is_none()) progress(1.0);
    return result;
  }
}

}  // namespace fastface::bindings
