// A view of a running router, from its snapshot and its events. It makes calls of its own, so that there is something to see.
// The snapshot is a value of the program's own JSON library, here nlohmann's.
//
//   c++ -std=c++17 status.cpp $(pkg-config --cflags --libs llmrouter) -o status
//   ./status ../config/status.yaml            refreshed until Ctrl-C
//   ./status ../config/status.yaml --once     one frame, and the end

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <llmrouter.hpp>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using llmrouter::RouterEvent;
using nlohmann::json;
using namespace std::chrono_literals;
using Clock = std::chrono::system_clock;

static volatile std::sig_atomic_t stopped = 0;

template <class... Values>
static std::string text(const char* format, Values... values) {
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(), format, values...);
    return line.data();
}

static std::string time_of(Clock::time_point moment) {
    const std::time_t seconds = Clock::to_time_t(moment);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return text("%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// What the events come to. They arrive on a thread of the library.
class Seen {
public:
    void hear(const RouterEvent& event) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const double cost = event.cost().value_or(0);
        if (event.is_call()) {
            ++calls_;
            cost_ += cost;
            if (!event.is_success()) ++failed_;
        } else {
            of_[event.deployment().value_or("")] += cost;
        }
        const std::string what = told(event);
        if (what.empty()) return;
        // What comes again and again is one line.
        if (!last_.empty() && last_.back().what == what) {
            last_.back() = {time_of(event.end()), what, last_.back().times + 1};
            return;
        }
        last_.push_back({time_of(event.end()), what, 1});
        if (last_.size() > 8) last_.pop_front();
    }

    int calls() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return calls_;
    }
    std::string summary() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return text("%d calls, %d failed, $%.4f spent", calls_, failed_, cost_);
    }
    double cost_of(const std::string& deployment) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = of_.find(deployment);
        return found == of_.end() ? 0 : found->second;
    }
    std::vector<std::string> last() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<std::string> lines;
        for (const auto& [at, what, times] : last_) {
            lines.push_back("  " + at + "  " + what + (times > 1 ? " (" + std::to_string(times) + " times)" : ""));
        }
        return lines;
    }

private:
    struct Line {
        std::string at, what;
        int times = 0;
    };

    /// A line about what is worth one.
    static std::string told(const RouterEvent& event) {
        const auto error = event.error();
        const std::string who = event.deployment().value_or("nobody") + " of " + event.model_group();
        if (!event.is_call()) return error ? "WARN  " + who + ": " + error->error_class : "";
        if (error) return "ERROR the call of " + event.requested_model() + " failed: " + error->error_class;
        return event.fallbacks() > 0 ? "INFO  " + event.requested_model() + " was answered by " + who : "";
    }

    mutable std::mutex mutex_;
    int calls_ = 0, failed_ = 0;
    double cost_ = 0;
    std::map<std::string, double> of_;
    std::deque<Line> last_;
};

/// A value of any kind: "rpm 12, tpm 300".
static std::string brief(const json& value) {
    if (value.is_null()) return "";
    if (value.is_string()) return value;
    if (!value.is_object()) return value.dump();
    std::string all;
    for (const auto& [name, own] : value.items()) {
        if (!own.is_null()) all += (all.empty() ? "" : ", ") + name + " " + brief(own);
    }
    return all;
}

static std::string cell(std::string value, std::size_t width) {
    value.resize(std::min(value.size(), width - 1));
    return value + std::string(width - value.size(), ' ');
}

static std::string row(const json& one, const Seen& seen, bool colours) {
    const std::string name = one["state"];
    std::string state = name;
    if (!one["until"].is_null()) {
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
        state += " " + std::to_string(std::max<std::int64_t>(0, one["until"].get<std::int64_t>() - now + 999) / 1000) + " s";
    }
    std::string shown = cell(state, 12);
    if (colours) shown = (name == "healthy" ? "\x1b[32m" : name == "cooling" ? "\x1b[33m" : "\x1b[31m") + shown + "\x1b[0m";
    const json& latency = one["latency_ms"];
    const std::string pace = latency.is_null() ? "" : latency.get<double>() >= 1e6 ? "failing" : text("%.1f", latency.get<double>());
    // Members that a library of another version may lack.
    const auto more = [&one](const char* member) { return one.contains(member) ? brief(one[member]) : std::string(); };
    const std::string spent = more("spend"), left = more("left");
    const std::string line = "  " + cell(one["id"], 14) + shown + cell(brief(one["cause"]), 26) + cell(brief(one["in_flight"]), 8) +
                             cell(pace, 10) + cell(brief(one["rpm"]), 6) + cell(brief(one["tpm"]), 8) +
                             cell(brief(one["succeeded"]), 6) + cell(brief(one["failed"]), 6) +
                             cell(spent.empty() ? text("$%.4f", seen.cost_of(one["id"])) : spent, 10) +
                             cell(left.empty() ? more("limits") : left, 24);
    return line.substr(0, line.find_last_not_of(' ') + 1);
}

static std::vector<std::string> frame(const llmrouter::Router& router, const Seen& seen, bool colours) {
    const auto snapshot = router.snapshot<json>();
    std::vector<std::string> lines{
        "llmrouter " + brief(snapshot["version"]) + "  " + time_of(Clock::now()) + "  " + seen.summary(), "",
        "  deployment    state       cause                     running ms/token  rpm   tpm     good  bad   spent     left"};
    for (const json& group : snapshot["groups"]) {
        lines.push_back(brief(group["name"]) + (group.contains("state") ? " (" + brief(group["state"]) + ")" : ""));
        for (const json& one : group["deployments"]) lines.push_back(row(one, seen, colours));
    }
    if (const json& store = snapshot["store"]; !store.is_null()) {
        lines.insert(lines.end(), {"", "store " + brief(store["engine"]) + ": " + brief(store["state"])});
    }
    if (snapshot.contains("callbacks") && !snapshot["callbacks"].empty()) {
        lines.insert(lines.end(), {"", "callbacks"});
        const json& callbacks = snapshot["callbacks"];
        for (const json& one : callbacks.is_array() ? callbacks : json::array({callbacks})) lines.push_back("  " + brief(one));
    }
    lines.insert(lines.end(), {"", "last events"});
    for (const std::string& line : seen.last()) lines.push_back(line);
    lines.emplace_back();
    return lines;
}

static void show(const std::vector<std::string>& lines, bool terminal) {
    // Home, each line over the one that stood there, and nothing below.
    if (terminal) std::fputs("\x1b[H", stdout);
    for (const std::string& line : lines) std::printf("%s%s\n", line.c_str(), terminal ? "\x1b[K" : "");
    if (terminal) std::fputs("\x1b[J", stdout);
    std::fflush(stdout);
}

/// Starts a call that nobody waits for; the listener hears of its end.
static void ask(const llmrouter::Router& router, std::size_t number) {
    static constexpr std::array<const char*, 6> models{"gpt-4", "gpt-4-turbo", "gpt-4", "gpt-4o-mini", "gpt-4", "gpt-4o-mini"};
    const auto request = llmrouter::ChatRequest().model(models[number % models.size()]).user("Hi");
    router.completion_async(request, [](const llmrouter::Outcome&) {});
}

int main(int argc, char** argv) try {
    bool once = false;
    const char* path = "examples/config/status.yaml";
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--once") {
            once = true;
        } else {
            path = argv[i];
        }
    }
    const bool terminal = !once && isatty(STDOUT_FILENO) != 0;
    Seen seen;
    const auto router = llmrouter::Router::from_file(path);
    router.set_event_listener([&seen](const RouterEvent& event) { seen.hear(event); });
    if (once) {
        // A few one after the other, then many at once.
        for (int number = 0; number < 60; ++number) {
            ask(router, static_cast<std::size_t>(number));
            while (number < 6 && seen.calls() <= number) std::this_thread::sleep_for(1ms);
        }
        while (seen.calls() < 60) std::this_thread::sleep_for(1ms);
        show(frame(router, seen, false), false);
        return 0;
    }
    std::signal(SIGINT, [](int) { stopped = 1; });
    if (terminal) std::fputs("\x1b[2J\x1b[?25l", stdout);
    for (std::size_t number = 0; stopped == 0;) {
        for (int i = 0; i < 5 && stopped == 0; ++i) {
            ask(router, number++);
            std::this_thread::sleep_for(terminal ? 50ms : 200ms);
        }
        show(frame(router, seen, terminal), terminal);
    }
    if (terminal) std::fputs("\x1b[?25h", stdout);
    return 0;
} catch (const llmrouter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
