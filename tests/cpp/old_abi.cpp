// Loaded before the library, this makes it one of another ABI: programs have to refuse it.

#include <cstdint>

extern "C" std::uint32_t router_abi_version() { return std::uint32_t{2} << 16; }
