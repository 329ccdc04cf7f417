// The kernels that read codes: one table per instruction set, chosen once, every field set.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace kinspace {

// How the vectors of a graph are quantized: 4 or 8 bits a dimension, or not at all (few dimensions; the distance is
// then sum((q - x)^2) or -sum(q * x)).
enum class CodeKind : uint8_t { sq4, sq8, l2, dot };

// sq4: blocks of 128 dimensions in 64 bytes, low nibbles the first 64; a nibble u stands for 2u - 15.
// sq8: a byte u stands for u - 128, u >= 1. l2, dot: floats. All padded to whole cache lines; the query's padding is 0
// and so is that of floats.
constexpr size_t code_line = 64;

// One search's side of an expansion.
struct Hop {
  CodeKind kind;        // which kernel: a graph of ip is built by l2
  const void* query;    // sq4, sq8: int8, 128 or 64 a line; l2, dot: 16 floats a line
  float slope, offset;  // sq4, sq8: distance = norm_weight * norm - scale * (slope * sum(u * q) + offset)
  float norm_weight;
  const uint8_t* codes;
  size_t lines;  // of one code
  uint8_t* visited;
  uint8_t epoch;
  size_t degree;   // neighbours in a record, a multiple of 16
  size_t factors;  // 0: nothing but ids (l2, dot); 1: scales; 2: scales and norms
};

// A record: degree ids (uint32; places not in use repeat the owner's id), then degree of each factor as the upper
// halves of floats (bfloat16).
inline size_t record_bytes(size_t degree, size_t factors) { return degree * (4 + 2 * factors); }

// A neighbour that was scored: its distance as an integer of the same order, its id, and room for a mark.
inline uint32_t orderable(float distance) {
  uint32_t bits;
  __builtin_memcpy(&bits, &distance, sizeof bits);
  return bits ^ (bits >> 31 != 0 ? 0xffffffffu : 0x80000000u);
}
inline float from_orderable(uint32_t ordered) {
  const uint32_t bits = ordered ^ (ordered >> 31 != 0 ? 0x80000000u : 0xffffffffu);
  float distance;
  __builtin_memcpy(&distance, &bits, sizeof distance);
  return distance;
}

// What an expansion scored, and how many of these were near.
struct Expanded {
  uint32_t near, scored;
};

struct CodeKernels {
  const char* isa;

  // By CodeKind. Scores the neighbours in a record that are not visited, and marks them: out gets those of less than
  // limit as orderable << 32 | id << 1, in the record's order. out has room for degree.
  Expanded (*expand[4])(const Hop& hop, const uint8_t* record, float limit, uint64_t* out) noexcept;
  // Scores n nodes, whatever is visited: out[i] is the distance of ids[i] with its scale and norm. Room for n rounded
  // up to 16 in out; ids, scales and norms are read as far.
  void (*score[4])(const Hop& hop, const uint32_t* ids, const uint16_t* scales, const uint16_t* norms, size_t n,
                   float* out) noexcept;
  // out[i] = sum of code(ids[i]) u * q over sq8 codes; q: int8, 64 a line. Room for n rounded up to 4 in out.
  void (*sums8)(const int8_t* q, const uint8_t* codes, size_t lines, const uint32_t* ids, size_t n,
                int32_t* out) noexcept;

  // x: lines * 128 floats (64 for sq8), the padding 0. The code, and the scale it is nearest to x at: 0 for an x that
  // is 0, or not finite.
  void (*encode4)(const float* x, size_t lines, uint8_t* code, float* scale) noexcept;
  void (*encode8)(const float* x, size_t lines, uint8_t* code, float* scale) noexcept;
  // The greatest |x| of n floats (a multiple of 64): infinity if one is not finite.
  float (*greatest)(const float* x, size_t n) noexcept;
  // q = round(x * steps) for n floats (a multiple of 64), clipped to -127…127; returns the sum of q.
  int32_t (*quantize)(const float* x, float steps, size_t n, int8_t* q) noexcept;
};

extern const CodeKernels scalar_codes;  // the reference that tests compare with
#if defined(KINSPACE_X86)
extern const CodeKernels avx2_codes;
extern const CodeKernels avx512_codes;  // with VNNI
#elif defined(KINSPACE_ARM64)
extern const CodeKernels neon_codes;
#endif

const CodeKernels& code_kernels() noexcept;

}  // namespace kinspace
