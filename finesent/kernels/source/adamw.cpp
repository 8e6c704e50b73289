// AdamW with PyTorch's defaults (Loshchilov and Hutter, 2019, algorithm 2), over many tensors or some rows of one.
#include <cmath>
#include <vector>

#include "numbers.h"

extern "C" {

struct Parameter {
    float* weight;
    float* first;
    float* second;
    const void* gradient;
    // Takes the weight in bf16; may be null.
    bf16* half;
    int64_t count;
    // Whether the gradient is bf16, else float.
    int32_t gradient_in_half;
    // What decay leaves of the weight; the rate over the first moment's correction; 1 over the root of the
    // second's, for a product takes less time than a quotient.
    float kept, rate, inverse_root;
};

// Of (V, width) weights and moments, those that a step reads.
struct Rows {
    float* weight;
    float* first;
    float* second;
    const int64_t* numbers;
    int64_t count, width;
};

// One of them.
struct Row {
    Row(const Rows& rows, int64_t place) {
        const int64_t start = rows.numbers[place] * rows.width;
        weight = rows.weight + start;
        first = rows.first + start;
        second = rows.second + start;
    }

    float* weight;
    float* first;
    float* second;
};

// What steps without gradient do to a row: factors of its weight, of its move and of its moments, and epsilon.
struct Skipped {
    float kept, coasted, epsilon, first, second;
};

}

namespace {

constexpr double BETA1 = 0.9, BETA2 = 0.999;
// 1 - 0.999f would be wrong in its fifth digit.
constexpr float NEW_IN_FIRST = float(1 - BETA1), NEW_IN_SECOND = float(1 - BETA2), OLD_IN_SECOND = float(BETA2);
constexpr float EPSILON = 1e-8f;
// What a thread takes at once.
constexpr int64_t PIECE = 1 << 14;

struct Piece {
    const Parameter* parameter;
    int64_t begin, end;
};

std::vector<Piece> pieces(const Parameter* parameters, int64_t count) {
    std::vector<Piece> all;
    for (const Parameter* p = parameters; p != parameters + count; ++p)
        for (int64_t begin = 0; begin < p->count; begin += PIECE)
            all.push_back({p, begin, begin + PIECE < p->count ? begin + PIECE : p->count});
    return all;
}

inline void step(float& weight, float& first, float& second, float gradient, float kept, float rate,
                 float inverse_root) {
    first += (gradient - first) * NEW_IN_FIRST;
    second = second * OLD_IN_SECOND + gradient * gradient * NEW_IN_SECOND;
    weight = weight * kept - rate * first / (std::sqrt(second) * inverse_root + EPSILON);
}

template <class T>
void step(const Piece& piece, float factor) {
    const Parameter& p = *piece.parameter;
    const T* gradient = static_cast<const T*>(p.gradient);
#pragma omp simd
    for (int64_t i = piece.begin; i < piece.end; ++i)
        step(p.weight[i], p.first[i], p.second[i], load(gradient[i]) * factor, p.kept, p.rate,
             p.inverse_root);
    if (p.half != nullptr)
#pragma omp simd
        for (int64_t i = piece.begin; i < piece.end; ++i) store(p.half[i], p.weight[i]);
}

template <class T>
double squares(const Piece& piece) {
    const T* gradient = static_cast<const T*>(piece.parameter->gradient);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = piece.begin; i < piece.end; ++i) sum += load(gradient[i]) * load(gradient[i]);
    return sum;
}

}  // namespace

extern "C" {

// The gradients are multiplied by a factor first.
void adamw(const Parameter* parameters, int64_t count, float factor) {
    const std::vector<Piece> all = pieces(parameters, count);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < all.size(); ++i)
        all[i].parameter->gradient_in_half ? step<bf16>(all[i], factor) : step<float>(all[i], factor);
}

// The sum of the squares of all gradients, the same for any number of threads.
double squares(const Parameter* parameters, int64_t count) {
    const std::vector<Piece> all = pieces(parameters, count);
    std::vector<double> sums(all.size());
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < all.size(); ++i)
        sums[i] = all[i].parameter->gradient_in_half ? squares<bf16>(all[i]) : squares<float>(all[i]);
    double total = 0;
    for (double sum : sums) total += sum;
    return total;
}

// A step of the rows from their (count, width) gradient.
void adamw_rows(const Rows* rows, const float* gradient, float factor, float kept, float rate, float inverse_root) {
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows->count; ++r) {
        const Row row(*rows, r);
        const float* g = gradient + r * rows->width;
#pragma omp simd
        for (int64_t i = 0; i < rows->width; ++i)
            step(row.weight[i], row.first[i], row.second[i], g[i] * factor, kept, rate, inverse_root);
    }
}

// What the rows have skipped, each its own.
void coast_rows(const Rows* rows, const Skipped* skipped) {
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows->count; ++r) {
        const Row row(*rows, r);
        const Skipped& s = skipped[r];
#pragma omp simd
        for (int64_t i = 0; i < rows->width; ++i) {
            const float move = row.first[i] * s.coasted / (std::sqrt(row.second[i]) + s.epsilon);
            row.weight[i] = row.weight[i] * s.kept - move;
            row.first[i] *= s.first;
            row.second[i] *= s.second;
        }
    }
}

}  // extern "C"
