// Faults on purpose, one for each sanitizer: a run that does not report them would not report ours.

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

static int shared_number;

int main(int argc, char** argv) {
    const std::string fault = argc > 1 ? argv[1] : "";
    if (fault == "leak") {
        static volatile std::size_t size = 1000;
        std::printf("%d\n", std::malloc(size) != nullptr);
    } else if (fault == "overflow") {
        volatile int number = INT_MAX;
        number = number + argc;
    } else if (fault == "race") {
        // Many times: of two accesses at the very same moment the detector may miss one.
        const auto count = [] {
            for (int i = 0; i < 10000; ++i) ++shared_number;
        };
        std::thread other(count);
        count();
        other.join();
    }
    return 0;
}
