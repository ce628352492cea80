// All that ujson's float conversion needs of a C++ library.
#include <cstdlib>

void *operator new(std::size_t size) { return std::malloc(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
