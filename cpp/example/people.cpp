// Who is on these faces? Embeddings of made-up people are grouped, and a new face is explained.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <vector>

#include "fastface.hpp"

namespace {

constexpr std::size_t kPeople = 5, kPhotos = 20, kDims = 128;

// Rows of unit norm, `kPhotos` of each person: two of one person have a cosine of about 0.75.
std::vector<float> made_up_faces(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> faces;
  for (std::size_t person = 0; person < kPeople; ++person) {
    std::vector<float> centre(kDims);
    for (float& value : centre) value = normal(random);
    for (std::size_t photo = 0; photo < kPhotos; ++photo) {
      std::vector<float> face(centre);
      float squared = 0;
      for (float& value : face) {
        value += 0.6f * normal(random);
        squared += value * value;
      }
      for (const float value : face) faces.push_back(value / std::sqrt(squared));
    }
  }
  return faces;
}

}  // namespace

int main() {
  std::mt19937 random(1);
  const std::vector<float> values = made_up_faces(random);
  const fastface::MatrixView<const float> faces{values.data(), kPeople * kPhotos, kDims};

  // Pairs of faces closer than 0.6, never all pairs in memory ...
  const fastface::Edges edges = fastface::pairwise_edges(faces, {}, {}, 0.6f, {}, 0);
  // ... and clusters whose median distance between members is at most 0.5.
  const fastface::CutStep cut[] = {{.pairs = 1, .threshold = 0.5f}};
  fastface::LinkageProblem problem;
  problem.n = faces.rows;
  problem.i = edges.i;
  problem.j = edges.j;
  problem.distance = edges.d;
  problem.cut = cut;
  const fastface::Linkage people = fastface::median_linkage(problem);
  std::printf("%zu faces, %zu pairs, %zu people\n", faces.rows, edges.d.size(), people.n_clusters);

  // A gallery of everybody's faces but the first, which is then explained by them: the person whose
  // faces get the weight.
  fastface::LassoDictionary gallery(kDims);
  for (std::size_t row = 1; row < faces.rows; ++row)
    gallery.add({faces.row(row), 1, kDims}, people.labels[row]);
  const fastface::LassoCodes codes = gallery.lasso({faces.row(0), 1, kDims}, {.lam = 0.2, .positive = true});
  std::map<std::int64_t, float> weights;
  for (std::size_t t = 0; t < codes.indices.size(); ++t) weights[codes.labels[t]] += codes.values[t];
  for (const auto& [label, weight] : weights)
    std::printf("face 0 is person %lld with weight %.2f\n", static_cast<long long>(label), weight);
  std::printf("certified: within a relative gap of %.1g of the best code\n", codes.gap[0]);

  const bool right = people.n_clusters == kPeople && weights.size() == 1 && codes.gap[0] <= 1e-4f &&
                     weights.contains(people.labels[0]);
  return right ? 0 : 1;
}
