// Plain files; each call opens its file anew, since parts are large and calls are few.
#include "cluster/file_area.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace {

namespace {

namespace fs = std::filesystem;

error failed(const fs::path& path, const std::string& why) {
  return error{"disk.failed", path.string() + ": " + why};
}

class descriptor {
 public:
  descriptor(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

class disk_files final : public file_area {
 public:
  explicit disk_files(fs::path directory) : directory_(std::move(directory)) {}

  result<std::vector<std::string>> names() override {
    std::vector<std::string> out;
    std::error_code ec;
    for (fs::directory_iterator at(directory_, ec), end; !ec && at != end; at.increment(ec))
      out.push_back(at->path().filename().string());
    if (ec) return failed(directory_, ec.message());
    std::ranges::sort(out);
    return out;
  }

  result<std::uint64_t> size(const std::string& name) override {
    struct stat info {};
    if (::stat((directory_ / name).c_str(), &info) == 0)
      return static_cast<std::uint64_t>(info.st_size);
    if (errno == ENOENT) return std::uint64_t{0};
    return failed(directory_ / name, std::strerror(errno));
  }

  result<void> append(const std::string& name, bytes_view content) override {
    const descriptor file(directory_ / name, O_WRONLY | O_CREAT | O_APPEND);
    if (!file.open()) return failed(directory_ / name, std::strerror(errno));
    while (!content.empty()) {
      const auto n = ::write(file.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed(directory_ / name, std::strerror(errno));
      content = content.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  result<bytes> get(const std::string& name, std::uint64_t offset, std::size_t length) override {
    const descriptor file(directory_ / name, O_RDONLY);
    if (!file.open()) return failed(directory_ / name, std::strerror(errno));
    bytes out(length);
    std::size_t have = 0;
    while (have < length) {
      const auto n =
          ::pread(file.get(), out.data() + have, length - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed(directory_ / name, std::strerror(errno));
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    out.resize(have);
    return out;
  }

  result<void> sync(const std::string& name) override {
    if (auto ok = sync_path(directory_ / name, O_RDONLY); !ok) return ok;
    return sync_path(directory_, O_RDONLY | O_DIRECTORY);
  }

  result<void> remove(const std::string& name) override {
    if (::unlink((directory_ / name).c_str()) == 0 || errno == ENOENT) return {};
    return failed(directory_ / name, std::strerror(errno));
  }

 private:
  static result<void> sync_path(const fs::path& path, int flags) {
    const descriptor file(path, flags);
    if (!file.open() || ::fsync(file.get()) != 0) return failed(path, std::strerror(errno));
    return {};
  }
  fs::path directory_;
};

class simulated_files final : public file_area {
 public:
  explicit simulated_files(std::shared_ptr<memory_files> on) : on_(std::move(on)) {}

  result<std::vector<std::string>> names() override {
    std::vector<std::string> out;
    for (const auto& [name, f] : on_->all) out.push_back(name);
    return out;
  }
  result<std::uint64_t> size(const std::string& name) override {
    const auto found = on_->all.find(name);
    return found == on_->all.end() ? std::uint64_t{0} : found->second.content.size();
  }
  result<void> append(const std::string& name, bytes_view content) override {
    auto& to = on_->all[name].content;
    to.insert(to.end(), content.begin(), content.end());
    return {};
  }
  result<bytes> get(const std::string& name, std::uint64_t offset, std::size_t length) override {
    const auto found = on_->all.find(name);
    if (found == on_->all.end()) return error{"disk.failed", name + ": no such file"};
    const auto& from = found->second.content;
    const auto begin = std::min<std::uint64_t>(offset, from.size());
    const auto end = begin + std::min<std::uint64_t>(length, from.size() - begin);
    return bytes(from.begin() + static_cast<std::ptrdiff_t>(begin),
                 from.begin() + static_cast<std::ptrdiff_t>(end));
  }
  result<void> sync(const std::string& name) override {
    if (const auto found = on_->all.find(name); found != on_->all.end())
      found->second.synced = found->second.content.size();
    return {};
  }
  result<void> remove(const std::string& name) override {
    on_->all.erase(name);
    return {};
  }

 private:
  std::shared_ptr<memory_files> on_;
};

}  // namespace

void memory_files::crash() {
  for (auto& [name, f] : all) {
    // A file's length may be on the disk before its content.
    const auto lost = f.content.size() - f.synced;
    f.content.resize(f.synced + lost / 2);
    if (lost > 1) f.content.back() = 0;
  }
}

result<std::unique_ptr<file_area>> open_file_area(const fs::path& directory) {
  std::error_code ec;
  fs::create_directories(directory, ec);
  if (ec) return failed(directory, ec.message());
  return std::unique_ptr<file_area>(std::make_unique<disk_files>(directory));
}

std::unique_ptr<file_area> open_memory_files(std::shared_ptr<memory_files> on) {
  return std::make_unique<simulated_files>(std::move(on));
}

}  // namespace millrace
