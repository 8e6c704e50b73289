// LayerNorm(residual + dropout(branch)), with which every half of a layer of BERT ends (Devlin et al., 2019; Ba
// et al., 2016), and its gradient, in one pass over memory each.
#include <cmath>
#include <vector>

#include <omp.h>

#include "draws.h"
#include "numbers.h"

extern "C" {

struct Lines {
    int64_t count, width;
    float epsilon;
    // Of dropout; see draws.h. 0 drops nothing.
    int32_t zeroed;
    uint64_t key;
};

}

namespace {

template <class T>
void forward(const Lines& lines, T* output, T* sums, float* means, float* inverses, const T* branch,
             const T* residual, const T* weight, const T* bias) {
    const int64_t width = lines.width;
#pragma omp parallel
    {
        std::vector<float> line(width);
        Dropout dropout(lines.key, lines.zeroed, width);
        float* s = line.data();
#pragma omp for schedule(static)
        for (int64_t i = 0; i < lines.count; ++i) {
            const T* x = branch + i * width;
            const T* r = residual + i * width;
            T* y = output + i * width;
            float mean = 0, square = 0;
            if (lines.zeroed == 0) {
#pragma omp simd reduction(+ : mean)
                for (int64_t j = 0; j < width; ++j) {
                    s[j] = rounded(load(x[j]) + load(r[j]), T{});
                    mean += s[j];
                }
            } else {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd reduction(+ : mean)
                for (int64_t j = 0; j < width; ++j) {
                    s[j] = rounded(load(x[j]) * dropout.factor(drawn[j]) + load(r[j]), T{});
                    mean += s[j];
                }
            }
            mean /= width;
#pragma omp simd reduction(+ : square)
            for (int64_t j = 0; j < width; ++j) square += (s[j] - mean) * (s[j] - mean);
            if (sums != nullptr)
                for (int64_t j = 0; j < width; ++j) store(sums[i * width + j], s[j]);
            const float inverse = 1 / std::sqrt(square / width + lines.epsilon);
            means[i] = mean;
            inverses[i] = inverse;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j)
                store(y[j], (s[j] - mean) * inverse * load(weight[j]) + load(bias[j]));
        }
    }
}

template <class T>
void backward(const Lines& lines, T* to_branch, T* to_residual, T* to_weight, T* to_bias, const T* above,
              const T* sums, const float* means, const float* inverses, const T* weight) {
    const int64_t width = lines.width;
    // A thread's sums lie in places of its own, and are added in the threads' order: no run differs.
    const int64_t threads = omp_get_max_threads();
    std::vector<float> shares(threads * 2 * width, 0.0f);
#pragma omp parallel
    {
        std::vector<float> lined(2 * width);
        Dropout dropout(lines.key, lines.zeroed, width);
        float* u = lined.data();
        float* n = u + width;
        float* w = shares.data() + omp_get_thread_num() * 2 * width;
        float* b = w + width;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < lines.count; ++i) {
            const T* g = above + i * width;
            const T* s = sums + i * width;
            T* r = to_residual + i * width;
            T* x = to_branch + i * width;
            const float mean = means[i], inverse = inverses[i];
            float first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
            for (int64_t j = 0; j < width; ++j) {
                const float slope = load(g[j]);
                const float normal = (load(s[j]) - mean) * inverse;
                const float weighted = slope * load(weight[j]);
                w[j] += slope * normal;
                b[j] += slope;
                u[j] = weighted;
                n[j] = normal;
                first += weighted;
                second += weighted * normal;
            }
            first /= width;
            second /= width;
            if (lines.zeroed == 0) {
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) {
                    const float slope = (u[j] - first - n[j] * second) * inverse;
                    store(r[j], slope);
                    store(x[j], slope);
                }
            } else {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) {
                    const float slope = (u[j] - first - n[j] * second) * inverse;
                    store(r[j], slope);
                    store(x[j], slope * dropout.factor(drawn[j]));
                }
            }
        }
    }
    for (int64_t j = 0; j < width; ++j) {
        float w = 0, b = 0;
        for (int64_t t = 0; t < threads; ++t) {
            w += shares[t * 2 * width + j];
            b += shares[t * 2 * width + width + j];
        }
        store(to_weight[j], w);
        store(to_bias[j], b);
    }
}

}  // namespace

extern "C" {

#define KERNELS(NAME, T)                                                                                           \
    void residual_##NAME(const Lines* lines, T* output, T* sums, float* means, float* inverses, const T* branch,    \
                         const T* residual, const T* weight, const T* bias) {                                      \
        forward(*lines, output, sums, means, inverses, branch, residual, weight, bias);                            \
    }                                                                                                              \
    void residual_gradient_##NAME(const Lines* lines, T* to_branch, T* to_residual, T* to_weight, T* to_bias,       \
                                  const T* above, const T* sums, const float* means, const float* inverses,        \
                                  const T* weight) {                                                               \
        backward(*lines, to_branch, to_residual, to_weight, to_bias, above, sums, means, inverses, weight);        \
    }

KERNELS(bf16, bf16)
KERNELS(float, float)

}  // extern "C"
