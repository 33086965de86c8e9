// A test runner in a page: each TEST prints one line; a check that fails ends its test, not the program.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace check {

using Clock = std::chrono::steady_clock;

inline std::vector<std::pair<std::string, std::function<void()>>>& tests() {
    static std::vector<std::pair<std::string, std::function<void()>>> all;
    return all;
}

struct Register {
    Register(std::string name, std::function<void()> body) { tests().emplace_back(std::move(name), std::move(body)); }
};

[[noreturn]] inline void fail(const std::string& what, int line) {
    throw std::runtime_error(what + " (line " + std::to_string(line) + ")");
}

template <class A, class B>
void same(const A& is, const B& should_be, const char* expression, int line) {
    if (is == should_be) return;
    std::ostringstream text;
    text << expression << " is " << is << ", not " << should_be;
    fail(text.str(), line);
}

/// Polls until `condition` holds; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (Clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

inline int run() {
    alarm(240);  // a program that hangs is killed, which run.sh reports
    int failed = 0;
    for (const auto& [name, body] : tests()) {
        const auto start = Clock::now();
        std::string wrong;
        try {
            body();
        } catch (const std::exception& error) {
            wrong = error.what();
            if (wrong.empty()) wrong = "an exception without a message";
        }
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
        if (wrong.empty()) {
            std::printf("    ok    %s (%d ms)\n", name.c_str(), static_cast<int>(ms));
        } else {
            std::printf("    FAIL  %s: %s\n", name.c_str(), wrong.c_str());
            ++failed;
        }
        std::fflush(stdout);
    }
    return failed > 0 || tests().empty();
}

}  // namespace check

#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST_NAMED(function, registered, name)                  \
    static void function();                                      \
    static const check::Register registered(name, function);     \
    static void function()
#define TEST(name) TEST_NAMED(CHECK_JOIN(test_, __LINE__), CHECK_JOIN(registered_, __LINE__), name)

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) check::fail("not so: " #condition, __LINE__); \
    } while (false)
#define CHECK_SAME(is, should_be) check::same((is), (should_be), #is, __LINE__)
#define CHECK_THROWS(Exception, expression)                                             \
    do {                                                                                \
        bool check_thrown = false;                                                      \
        try {                                                                           \
            static_cast<void>(expression);                                              \
        } catch (const Exception&) {                                                    \
            check_thrown = true;                                                        \
        }                                                                               \
        if (!check_thrown) check::fail(#expression " does not throw " #Exception, __LINE__); \
    } while (false)

#endif
