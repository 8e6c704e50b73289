// The numbers that dropout draws, for tests.
#include "draws.h"

extern "C" {

// (lines, width) of a key.
void draws(uint16_t* numbers, uint64_t key, int64_t lines, int64_t width) {
    for (int64_t line = 0; line < lines; ++line) {
        Dropout dropout(key, 0, width);
        dropout.begin(line);
        for (int64_t i = 0; i < width; ++i) numbers[line * width + i] = dropout.drawn()[i];
    }
}

}  // extern "C"
