// Sums of columns over lines that several threads go through.
#pragma once

#include <cstdint>
#include <vector>

#include <omp.h>

#include "numbers.h"

class Columns {
  public:
    explicit Columns(int64_t count)
        : count_(count), threads_(omp_get_max_threads()), shares_(threads_ * count, 0.0f) {}

    // Where the calling thread adds up; no other does.
    float* own() { return shares_.data() + omp_get_thread_num() * count_; }

    // Sums of some columns over all threads, in the threads' order: no run differs.
    template <class T>
    void add_up(T* sums, int64_t first, int64_t count) const {
        for (int64_t j = 0; j < count; ++j) {
            float sum = 0;
            for (int64_t t = 0; t < threads_; ++t) sum += shares_[t * count_ + first + j];
            store(sums[j], sum);
        }
    }

  private:
    int64_t count_, threads_;
    std::vector<float> shares_;
};
