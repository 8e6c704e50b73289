// GELU, x Phi(x) (Hendrycks and Gimpel, 2016), and its slope, which costs little more beside it.
#include "numbers.h"

namespace {

struct Normal {
    float density, distribution;
};

// The standard normal distribution. erf by Abramowitz and Stegun (1964), 7.1.26, within 1.5e-7.
inline Normal normal(float x) {
    const float size = (x < 0 ? -x : x) * 0.70710678f;
    const float power = exponential(-size * size);
    const float t = 1.0f / (1.0f + 0.3275911f * size);
    float sum = 1.061405429f;
    sum = sum * t - 1.453152027f;
    sum = sum * t + 1.421413741f;
    sum = sum * t - 0.284496736f;
    sum = sum * t + 0.254829592f;
    const float tail = 0.5f * sum * t * power;
    return {power * 0.39894228f, x < 0 ? tail : 1.0f - tail};
}

template <class T>
void gelu(T* output, T* slopes, const T* input, int64_t count) {
    if (slopes == nullptr) {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; ++i) {
            const float x = load(input[i]);
            store(output[i], x * normal(x).distribution);
        }
        return;
    }
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; ++i) {
        const float x = load(input[i]);
        const Normal at = normal(x);
        store(output[i], x * at.distribution);
        store(slopes[i], at.distribution + x * at.density);
    }
}

}  // namespace

extern "C" {

// slopes may be null.
void gelu_bf16(bf16* output, bf16* slopes, const bf16* input, int64_t count) { gelu(output, slopes, input, count); }
void gelu_float(float* output, float* slopes, const float* input, int64_t count) {
    gelu(output, slopes, input, count);
}

}  // extern "C"
