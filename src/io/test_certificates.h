#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace sinew::io::testing {

/// Certificates for the tests of TLS, made with the program `openssl` in a folder that goes with
/// this object: an authority, a server for localhost and a client that it signed, and a stranger
/// that signed itself. `name.pem` is the certificate, `name.key` its key.
class Certificates {
 public:
  Certificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sinew-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("no folder for certificates");
    folder_ = pattern;
    make("authority", "", "");
    make("server", "subjectAltName=DNS:localhost,IP:127.0.0.1", "authority");
    make("client", "subjectAltName=email:client@example.org", "authority");
    make("stranger", "subjectAltName=DNS:localhost", "");
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string certificate(const std::string& name) const { return file(name + ".pem"); }
  std::string key(const std::string& name) const { return file(name + ".key"); }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }

 private:
  void make(const std::string& name, const std::string& extension, const std::string& signer) {
    std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
        "/O=test/CN=" +
        name + " -keyout " + key(name) + " -out " + certificate(name);
    if (!extension.empty()) command += " -addext " + extension;
    if (!signer.empty()) {
      command += " -addext basicConstraints=CA:FALSE -CA " + certificate(signer) + " -CAkey " +
                 key(signer);
    }
    command += " 2>" + file("log");
    // The program is what makes the test: its arguments are all ours.
    if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl failed: " + command);
  }

  std::filesystem::path folder_;
};

/// Those of this process.
inline const Certificates& certificates() {
  static const Certificates made;
  return made;
}

}  // namespace sinew::io::testing
