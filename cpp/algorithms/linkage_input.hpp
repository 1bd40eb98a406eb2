// What median_linkage() takes, checked and put in order. All throw std::invalid_argument.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "algorithms/linkage.hpp"

namespace fastface {

[[noreturn]] void refuse(const char* argument, const std::string& what);

std::string text(Pair pair);

// Each pair with the smaller index first, sorted, without repeats.
std::vector<Pair> tidy_pairs(std::span<const Pair> pairs, std::size_t n, const char* argument);

void check_cut(std::span<const CutStep> cut);

// The edges within the largest threshold, sorted by (i, j).
std::vector<Edge> take_edges(const LinkageProblem& problem);

// Removes the edges of sorted pairs.
void overrule(std::vector<Edge>& edges, std::span<const Pair> pairs);

}  // namespace fastface
