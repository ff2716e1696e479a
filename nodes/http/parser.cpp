// One HTTP/1.1 request out of bytes, by Boost.Beast.
// The only file that includes Beast.
#include <utility>

// Beast 1.74 asserts that a last chunk comes in one piece. It need not, and what follows copes.
#define BOOST_DISABLE_ASSERTS
#include "nodes/http/parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace millrace::http {
namespace beast_http = boost::beast::http;
namespace {

error too_large(const limits& bounds) {
  return {"request.too_large",
          "the body exceeds " + std::to_string(bounds.body_bytes_max) + " bytes"};
}

}  // namespace

struct parser::impl {
  explicit impl(const limits& b) : bounds(b) {}
  const limits& bounds;
  std::optional<beast_http::request_parser<beast_http::string_body>> beast;
  std::vector<header> headers;
};

parser::parser(const limits& bounds) : impl_(std::make_unique<impl>(bounds)) {}
parser::~parser() = default;

result<void> parser::begin(std::string_view header_block) {
  auto& p = impl_->beast.emplace();
  p.header_limit(static_cast<std::uint32_t>(impl_->bounds.header_bytes_max * 2));
  p.body_limit(impl_->bounds.body_bytes_max);
  boost::system::error_code ec;
  p.put(boost::asio::const_buffer(header_block.data(), header_block.size()), ec);
  if (ec == beast_http::error::body_limit) return too_large(impl_->bounds);
  if (ec && ec != beast_http::error::need_more) return error{"request.malformed", ec.message()};
  if (!p.is_header_done()) return error{"request.malformed", "the header is not complete"};
  impl_->headers.clear();
  for (const auto& field : p.get())
    impl_->headers.push_back({std::string(field.name_string()), std::string(field.value())});
  p.eager(true);
  return {};
}

result<std::size_t> parser::put(std::string_view bytes) {
  auto& p = *impl_->beast;
  std::size_t used = 0;
  while (used < bytes.size() && !p.is_done()) {
    boost::system::error_code ec;
    const auto n = p.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
    used += n;
    if (ec == beast_http::error::body_limit) return too_large(impl_->bounds);
    if (ec == beast_http::error::need_more) break;
    if (ec) return error{"request.malformed", ec.message()};
    if (n == 0) break;
  }
  return used;
}

bool parser::complete() const { return impl_->beast->is_done(); }
bool parser::keep_alive() const { return impl_->beast->get().keep_alive(); }
int parser::minor_version() const { return static_cast<int>(impl_->beast->get().version() % 10); }

request parser::take() {
  auto message = impl_->beast->release();
  request out;
  out.method = std::string(message.method_string());
  out.target = std::string(message.target());
  out.headers = std::move(impl_->headers);
  out.body = std::move(message.body());
  return out;
}

}  // namespace millrace::http
