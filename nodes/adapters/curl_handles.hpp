// libcurl's handles as owners, and its process-wide start made once.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace millrace {

// CURL and CURLM are both void: one deleter each.
struct curl_easy_deleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct curl_list_deleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct curl_multi_deleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

using curl_easy = std::unique_ptr<CURL, curl_easy_deleter>;
using curl_multi = std::unique_ptr<CURLM, curl_multi_deleter>;
using curl_list = std::unique_ptr<curl_slist, curl_list_deleter>;

/// Starts libcurl for the process. Must come before the first handle; later calls do nothing.
/// Thread-safe.
inline void curl_begin() {
  static const CURLcode begun = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(begun);
}

}  // namespace millrace
