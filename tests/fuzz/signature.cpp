// layer: nodes
// Signatures of webhooks: lines are secret, id, timestamp, header, body. Only what was signed by
// the secret passes.
#include "nodes/adapters/webhook_signature.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {

void fuzz(std::string_view input) {
  const std::string secret(line(input));
  const auto id = line(input);
  const auto time = line(input);
  const auto header = line(input);
  const auto other = webhook_secrets::parse({secret});
  if (!other)
    expect(other.error().detail.find(secret) == std::string::npos || secret.size() < 8,
           "an error does not repeat the secret");
  const auto known = *webhook_secrets::parse({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
  constexpr std::int64_t now = 1'700'000'000;
  const bool passed = known.verify(id, time, header, input, now);
  if (passed)
    expect(header.find(known.sign(id, now, input).substr(0, 3)) != std::string_view::npos,
           "only a signature passes");
  const auto good = known.sign(id, now, input);
  expect(known.verify(id, std::to_string(now), good, input, now), "what is signed passes");
  expect(!known.verify(id, std::to_string(now + 301), good, input, now), "nothing from elsewhere");
  expect(!known.verify(id, std::to_string(now), good, std::string(input) + "x", now),
         "nothing that was changed");
}

}  // namespace millrace::fuzz
