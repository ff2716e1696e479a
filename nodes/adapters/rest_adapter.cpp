// libcurl multi on one thread; the checks of addresses hook into the connection itself, so a name
// cannot change in between.
#include "nodes/adapters/rest_adapter.hpp"

#include <spdlog/spdlog.h>

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "nodes/adapters/address_guard.hpp"
#include "nodes/adapters/curl_handles.hpp"
#include "nodes/adapters/rest_message.hpp"
#include "nodes/adapters/webhook_signature.hpp"

namespace millrace {
namespace {

constexpr int poll_ms_max = 1'000;

/// An endpoint with everything parsed.
struct endpoint {
  rest_endpoint settings;
  std::shared_ptr<const mapping> map;
  webhook_secrets secrets;
  address_guard guard;
};

/// One attempt under way. Owned by the adapter's thread; libcurl's callbacks get its address.
struct transfer {
  attempt what;
  std::function<void(attempt_result)> done;
  const endpoint* at = nullptr;
  mapped_request request;
  curl_list headers;
  rest_answer answer;
  std::size_t answer_bytes_max = 0;
  std::string refused;  // address that the guard refused
  char error_text[CURL_ERROR_SIZE] = {};
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& t = *static_cast<transfer*>(user);
  const std::size_t bytes = size * count;
  if (t.answer.body.size() + bytes > t.answer_bytes_max) return 0;  // ends the transfer
  t.answer.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& t = *static_cast<transfer*>(user);
  std::string line(data, size * count);
  std::transform(line.begin(), line.end(), line.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (line.starts_with("idempotent-replayed:") && line.find("true") != std::string::npos)
    t.answer.replayed = true;
  return size * count;
}

curl_socket_t open_checked(void* user, curlsocktype purpose, curl_sockaddr* address) {
  auto& t = *static_cast<transfer*>(user);
  if (purpose != CURLSOCKTYPE_IPCXN || !t.at->guard.permits(&address->addr)) {
    t.refused = "the address is in a range that this endpoint may not reach";
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A kept connection may have been opened for an endpoint with other permissions: checked again
// before each request.
int check_reused(void* user, char* address, char*, int, int) {
  auto& t = *static_cast<transfer*>(user);
  if (t.at->guard.permits(address)) return CURL_PREREQFUNC_OK;
  t.refused =
      "the address " + std::string(address) + " is in a range that this endpoint may not reach";
  return CURL_PREREQFUNC_ABORT;
}

result<void> check_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return error{"config.invalid", "\"" + url + "\" is not a URL"};
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return error{"config.invalid", "the URL must be http or https"};
  for (const auto part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    char* text = nullptr;
    const bool there = curl_url_get(parts.get(), part, &text, 0) == CURLUE_OK;
    curl_free(text);
    if (there)
      return error{"config.invalid", "the URL must not hold a user, password, query or fragment"};
  }
  return {};
}

result<endpoint> checked(rest_endpoint settings, bool allow_loopback) {
  const auto where = settings.plant + '/' + EnumNameSystem(settings.system) + ": ";
  if (auto url = check_url(settings.url); !url)
    return error{"config.invalid", where + url.error().detail};
  while (settings.url.ends_with('/')) settings.url.pop_back();
  for (const auto& [name, value] : settings.headers)
    if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos)
      return error{"config.invalid", where + "a header with a line break"};
  auto secrets = webhook_secrets::parse(settings.secrets);
  if (!secrets) return error{"config.invalid", where + secrets.error().detail};
  auto networks = settings.allowed;
  if (allow_loopback) networks.insert(networks.end(), {"127.0.0.0/8", "::1/128"});
  auto guard = address_guard::with_allowed(networks);
  if (!guard) return error{"config.invalid", where + guard.error().detail};
  auto map = settings.map ? settings.map : mapping::canonical();
  return endpoint{std::move(settings), std::move(map), *std::move(secrets), *std::move(guard)};
}

class curl_rest_adapter final : public rest_adapter {
 public:
  curl_rest_adapter(const schema_model& model, std::vector<endpoint> endpoints,
                    rest_options options)
      : model_(model),
        endpoints_(std::move(endpoints)),
        options_(std::move(options)),
        multi_(curl_multi_init()) {
    if (!options_.unix_seconds)
      options_.unix_seconds = [] {
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
      };
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, options_.connections_max);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      options_.connections_per_host_max);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, options_.connections_max);
    thread_ = std::thread([this] { run(); });
  }
  ~curl_rest_adapter() override { stop(); }

  void attempt_delivery(attempt a, std::function<void(attempt_result)> cb) override {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        arrived_.push_back({std::move(a), std::move(cb)});
        curl_multi_wakeup(multi_.get());
        return;
      }
    }
    cb({attempt_result::verdict::retry, {}, "the node is stopping", 0});
  }

  bool bound(std::string_view plant, System system) const override {
    return find(plant, system) != nullptr;
  }

  result<mapped_request> preview(const attempt& a) const override {
    const auto* at = find(a.plant, a.system);
    if (at == nullptr)
      return error{"endpoint.unknown",
                   "no endpoint for " + std::string(EnumNameSystem(a.system)) + " of " + a.plant};
    auto envelope = delivery_envelope(model_, a);
    if (!envelope) return std::move(envelope).error();
    return at->map->apply(*envelope);
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      curl_multi_wakeup(multi_.get());
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct arrival {
    attempt what;
    std::function<void(attempt_result)> done;
  };

  const endpoint* find(std::string_view plant, System system) const {
    const endpoint* any = nullptr;
    for (const auto& e : endpoints_) {
      if (e.settings.system != system) continue;
      if (e.settings.plant == plant) return &e;
      if (e.settings.plant == "*") any = &e;
    }
    return any;
  }

  void run() {
    for (;;) {
      std::deque<arrival> fresh;
      bool stopping = false;
      {
        const std::lock_guard lock(mutex_);
        fresh.swap(arrived_);
        stopping = stopping_;
      }
      for (auto& a : fresh) begin(std::move(a));
      if (stopping) return end_all();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      collect();
      curl_multi_poll(multi_.get(), nullptr, 0, poll_ms_max, nullptr);
    }
  }

  void begin(arrival a) {
    auto t = std::make_unique<transfer>();
    t->what = std::move(a.what);
    t->done = std::move(a.done);
    t->at = find(t->what.plant, t->what.system);
    auto request = preview(t->what);
    if (!request) {
      // A message that cannot be said in the system's form stays so; a missing endpoint may come
      // back.
      const bool config = t->at == nullptr;
      return done(*t, {config ? attempt_result::verdict::retry : attempt_result::verdict::dead,
                       {},
                       request.error().code + ": " + request.error().detail,
                       0});
    }
    t->request = *std::move(request);
    t->answer_bytes_max = options_.answer_bytes_max;
    curl_easy easy = take_handle();
    prepare(easy.get(), *t);
    CURL* const raw = easy.get();
    if (curl_multi_add_handle(multi_.get(), raw) != CURLM_OK)
      return t->done({attempt_result::verdict::retry, {}, "the transfer could not be started", 0});
    under_way_.emplace(raw, running_transfer{std::move(easy), std::move(t)});
  }

  curl_easy take_handle() {
    if (free_.empty()) return curl_easy(curl_easy_init());
    curl_easy out = std::move(free_.back());
    free_.pop_back();
    return out;
  }

  void prepare(CURL* easy, transfer& t) const {
    add_headers(t);
    const auto url = t.at->settings.url + t.request.path;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t.request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t.request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(t.request.body.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.headers.get());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(t.what.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     std::min(options_.connect_ms_max, static_cast<long>(t.what.timeout_ms)));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &t);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_reused);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error_text);
    if (!t.at->settings.ca_file.empty())
      curl_easy_setopt(easy, CURLOPT_CAINFO, t.at->settings.ca_file.c_str());
  }

  void add_headers(transfer& t) const {
    const auto add = [&](const std::string& name, const std::string& value) {
      std::string line = name + ": " + value;
      std::replace_if(
          line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '_');
      t.headers.reset(curl_slist_append(t.headers.release(), line.c_str()));
    };
    add("Content-Type", "application/json");
    add("User-Agent", "millrace");
    t.headers.reset(
        curl_slist_append(t.headers.release(), "Expect:"));  // never wait for 100 Continue
    add("webhook-id", t.what.id);
    const auto now = options_.unix_seconds();
    add("webhook-timestamp", std::to_string(now));
    if (!t.at->secrets.empty())
      add("webhook-signature", t.at->secrets.sign(t.what.id, now, t.request.body));
    add("Idempotency-Key", t.what.id);
    if (!t.what.correlation.empty()) add("Correlation-Id", t.what.correlation);
    add("traceparent", traceparent_of(t.what));
    for (const auto& [name, value] : t.at->settings.headers) add(name, value);
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi_.get(), easy);
      auto node = under_way_.extract(easy);
      finish(easy, code, *node.mapped().what);
      curl_easy_reset(easy);
      free_.push_back(std::move(node.mapped().handle));
    }
  }

  static void finish(CURL* easy, CURLcode code, transfer& t) {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t.answer.status);
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    t.answer.retry_after_s = retry_after;
    // An answer that grew too long still has its status: what was acted upon must not be sent
    // again.
    const bool cut = code == CURLE_WRITE_ERROR && t.answer.status != 0;
    if (code != CURLE_OK && !cut) {
      t.answer.status = 0;
      t.answer.failure = !t.refused.empty()        ? t.refused
                         : t.error_text[0] != '\0' ? t.error_text
                                                   : curl_easy_strerror(code);
    }
    done(t, verdict_of(t.answer, t.request.document_pointer));
  }

  /// Hands the verdict over; what was not acknowledged leaves a line in the log.
  static void done(const transfer& t, attempt_result r) {
    const auto& a = t.what;
    if (r.what != attempt_result::verdict::acknowledged)
      spdlog::warn(
          "delivery plant={} system={} id={} attempt={} verdict={} correlation={} detail=\"{}\"",
          a.plant, EnumNameSystem(a.system), a.id, a.attempt,
          r.what == attempt_result::verdict::retry  ? "retry"
          : r.what == attempt_result::verdict::dead ? "dead"
                                                    : "gone",
          a.correlation, r.detail);
    else
      spdlog::debug(
          "delivery plant={} system={} id={} attempt={} verdict=acknowledged correlation={}",
          a.plant, EnumNameSystem(a.system), a.id, a.attempt, a.correlation);
    t.done(std::move(r));
  }

  void end_all() {
    for (auto& [easy, running] : under_way_) {
      curl_multi_remove_handle(multi_.get(), easy);
      running.what->done({attempt_result::verdict::retry, {}, "the node is stopping", 0});
    }
    under_way_.clear();
  }

  struct running_transfer {
    curl_easy handle;
    std::unique_ptr<transfer> what;
  };

  const schema_model& model_;
  const std::vector<endpoint> endpoints_;
  rest_options options_;
  curl_multi multi_;
  std::mutex mutex_;  // guards arrived_ and stopping_
  std::deque<arrival> arrived_;
  bool stopping_ = false;
  std::unordered_map<CURL*, running_transfer> under_way_;  // the thread's own, as is free_
  std::vector<curl_easy> free_;
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<rest_adapter>> rest_adapter::start(const schema_model& model,
                                                          std::vector<rest_endpoint> endpoints,
                                                          rest_options options) {
  curl_begin();
  std::vector<endpoint> ready;
  for (auto& settings : endpoints) {
    for (const auto& other : ready)
      if (other.settings.plant == settings.plant && other.settings.system == settings.system)
        return error{"config.invalid",
                     settings.plant + '/' + EnumNameSystem(settings.system) + " has two endpoints"};
    auto one = checked(std::move(settings), options.allow_loopback);
    if (!one) return std::move(one).error();
    ready.push_back(*std::move(one));
  }
  return std::unique_ptr<rest_adapter>(
      std::make_unique<curl_rest_adapter>(model, std::move(ready), std::move(options)));
}

}  // namespace millrace
