// The scripted fake provider (tests/support), a closed port, and what most tests begin with.
#ifndef PROVIDER_HPP
#define PROVIDER_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

class Provider {
public:
    Provider() {
        const char* program = std::getenv("LLMROUTER_FAKEPROVIDER");
        if (program == nullptr || access(program, X_OK) != 0) {
            throw std::runtime_error("no fakeprovider: run `cargo build -p fakeprovider`, or set LLMROUTER_FAKEPROVIDER");
        }
        int in[2], out[2];
        if (pipe(in) != 0 || pipe(out) != 0) throw std::runtime_error("no pipe");
        child_ = fork();
        if (child_ == 0) {
            dup2(in[0], STDIN_FILENO);
            dup2(out[1], STDOUT_FILENO);
            for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
            execl(program, program, static_cast<char*>(nullptr));
            _exit(127);
        }
        close(in[0]);
        close(out[1]);
        stdin_ = in[1];
        std::string line;
        for (char c = 0; read(out[0], &c, 1) == 1 && c != '\n';) line += c;
        close(out[0]);
        const auto at = line.find("http://");
        if (at == std::string::npos) throw std::runtime_error("fakeprovider does not say where it listens");
        url_ = line.substr(at);
        port_ = static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
    }
    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;
    ~Provider() {
        close(stdin_);
        waitpid(child_, nullptr, 0);
    }

    const std::string& url() const { return url_; }

    void script(const std::string& json) const {
        const std::string answer = http("PUT", "/_control/script", json);
        if (answer.compare(0, 10, "HTTP/1.1 2") != 0) throw std::runtime_error("script refused: " + answer);
    }

private:
    std::string http(const std::string& method, const std::string& path, const std::string& body) const {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::string answer;
        if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            const std::string text = method + " " + path + " HTTP/1.1\r\nhost: p\r\nconnection: close\r\ncontent-length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body;
            if (write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
                char buffer[4096];
                for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) {
                    answer.append(buffer, static_cast<std::size_t>(n));
                }
            }
        }
        close(fd);
        return answer;
    }

    pid_t child_ = -1;
    int stdin_ = -1;
    std::uint16_t port_ = 0;
    std::string url_;
};

/// A port that is taken and that nobody listens on.
class DeadPort {
public:
    DeadPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no port");
        }
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    DeadPort(const DeadPort&) = delete;
    DeadPort& operator=(const DeadPort&) = delete;
    ~DeadPort() { close(fd_); }
    const std::string& url() const { return url_; }

private:
    int fd_;
    std::string url_;
};

/// A router with one mock deployment that takes so long.
inline std::string mock_config(int delay_ms, const std::string& text = "mocked") {
    return "model_list:\n  - model_name: g\n    litellm_params: {model: openai/m, mock_response: " + text +
           ", mock_delay_ms: " + std::to_string(delay_ms) + "}\n    model_info: {id: one}\n";
}

/// A router whose calls fail at once, and are logged.
inline const std::string failing_config =
    "model_list:\n  - {model_name: g, litellm_params: {model: openai/m, mock_error: 500}, model_info: {id: one}}\n"
    "router_settings: {num_retries: 0, disable_cooldowns: true, set_verbose: true}\n";

inline const std::string hi = R"({"model": "g", "messages": [{"role": "user", "content": "hi"}]})";

#endif
