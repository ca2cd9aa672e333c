#!/bin/sh
# Installs skychat from a downloaded release: lies beside the files of the release, or is told where
# they are. It downloads nothing, and what it installs has the sum that SHA256SUMS gives and has
# started once. For dash, bash and busybox sh alike; `sh install.sh --help` lists the options.
#
# Everything is in functions, and the last line, which runs them, is in braces: a script that was
# cut off on its way, wherever that is, does nothing.
set -u

usage() {
  cat <<'END'
Usage: sh install.sh [options]

Installs skychat from the release in the folder of this script: picks the executable for this
machine, checks its SHA-256 against SHA256SUMS, starts it once, and only then replaces an older one.

  --from FOLDER    where the files of the release are (default: the folder of this script)
  --prefix FOLDER  install FOLDER/bin/skychat (default: /usr/local if that may be written to,
                   else ~/.local)
  --completions    also install completion for bash, zsh and fish
  --uninstall      remove the program and its completions; messages, keys and names stay
  --dry-run        check everything, say what would be done, change nothing
  --help           this text

A value that begins with two dashes is written with an equals sign: --prefix=--odd.

Exit codes: 0 done, 1 something unexpected, 2 wrong usage, 3 no build for this machine, 4 a file of
the release is missing, 5 no single sum for it in SHA256SUMS, 6 wrong sum, 7 no program here can
make sums, 8 the program does not run here, 9 may not or cannot write, 10 nothing to uninstall,
11 another program has that name there, or a Debian package installed it.
END
}

say() {
  printf '%s\n' "$*"
}

# fail CODE WHAT [LINE...]: says what happened and what to do, and ends.
fail() {
  fail_code=$1
  printf 'install.sh: %s\n' "$2" >&2
  shift 2
  for fail_line in "$@"; do printf '  %s\n' "${fail_line}" >&2; done
  exit "${fail_code}"
}

clean_up() {
  if [ -n "${staged}" ]; then rm -f "${staged}"; fi
}

read_options() {
  while [ "$#" -gt 0 ]; do
    case $1 in
      --from | --prefix)
        case ${2:-} in
          '') fail 2 "$1 needs a folder" "See: sh install.sh --help" ;;
          --*) fail 2 "$1 needs a folder, not $2" "If you mean that folder, write: $1=$2" ;;
          *) ;;
        esac
        take_folder "$1" "$2"
        shift
        ;;
      --from=?* | --prefix=?*) take_folder "${1%%=*}" "${1#*=}" ;;
      --completions) completions=yes ;;
      --uninstall) uninstall=yes ;;
      --dry-run) dry_run=yes ;;
      -h | --help) usage && exit 0 ;;
      *) fail 2 "unknown option $1" "See: sh install.sh --help" ;;
    esac
    shift
  done
}

# take_folder OPTION FOLDER: as an absolute path, which no command takes for an option.
take_folder() {
  case $2 in
    /*) folder=$2 ;;
    *) folder=${PWD}/$2 ;;
  esac
  if [ "$1" = --from ]; then from=${folder}; else prefix=${folder}; fi
}

# Whether this user may write to the folder, or make it where it does not exist yet.
may_write() {
  folder=$1
  while [ ! -e "${folder}" ] && [ -n "${folder}" ]; do folder=${folder%/*}; done
  [ -d "${folder:-/}" ] && [ -w "${folder:-/}" ]
}

choose_prefix() {
  if [ -z "${prefix}" ]; then
    if may_write /usr/local/bin; then
      prefix=/usr/local
    elif [ -n "${HOME:-}" ]; then
      prefix=${HOME}/.local
    else
      fail 2 "HOME is not set, so there is no folder of yours to install to" "Say: --prefix FOLDER"
    fi
  fi
  while [ "${prefix}" != "${prefix%/}" ]; do prefix=${prefix%/}; done
  bin=${prefix}/bin
  installed=${bin}/skychat
  if [ -d "${installed}" ]; then
    fail 9 "${installed} is a folder" "Move it away, or choose another place with --prefix"
  fi
}

no_build() {
  fail 3 "there is no build of skychat for this machine: $1" "$2" \
    "(this machine says: ${system} ${machine}, ${bits:-unknown} bits)"
}

choose_target() {
  system=$(uname -s)
  machine=$(uname -m)
  bits=$(getconf LONG_BIT 2>/dev/null)
  case ${system} in
    Linux) vendor=unknown-linux-gnu ;;
    Darwin) vendor=apple-darwin ;;
    MINGW* | MSYS* | CYGWIN*)
      no_build "this script is not for Windows" \
        "If the release has a file that ends in -windows-msvc.exe, it needs no installation."
      ;;
    *) no_build "it runs on Linux" "Run it on a Linux machine." ;;
  esac
  case ${machine} in
    x86_64 | amd64) target=x86_64-${vendor} ;;
    aarch64 | arm64) target=aarch64-${vendor} ;;
    armv6* | armv7* | armv8l)
      no_build "its system is 32-bit ARM" \
        "A Raspberry Pi 3, 4, 5 or Zero 2 can run the 64-bit Raspberry Pi OS, and skychat on it."
      ;;
    *) no_build "its processor is ${machine}" "There are builds for x86_64 and arm64 only." ;;
  esac
  # A 64-bit kernel below 32-bit programs: Raspberry Pi OS (32-bit) boots one on newer boards.
  if [ "${bits}" = 32 ]; then
    no_build "its kernel is 64-bit but its programs are 32-bit" \
      "Install the 64-bit edition of the system (for a Raspberry Pi: Raspberry Pi OS, 64-bit)."
  fi
  if [ "${system}" = Linux ]; then check_libc; fi
}

# Where neither program knows, trying the executable will tell.
check_libc() {
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=$(ldd --version 2>&1)
  case ${libc} in
    'glibc 2.'[0-9] | 'glibc 2.'[0-9].* | 'glibc 2.1'[0-9]* | 'glibc 2.2'[0-6]*)
      no_build "it has ${libc}, and skychat needs glibc 2.27 or newer" \
        "Upgrade the system: Debian 10, Ubuntu 18.04 and what came after are new enough."
      ;;
    *musl*)
      no_build "its C library is musl (Alpine?), and skychat needs glibc 2.27 or newer" \
        "Run it in a container of a system with glibc, such as Debian."
      ;;
    *) ;;
  esac
}

# The lines "sum name" of SHA256SUMS that are about this target. Windows may have made the line
# ends, and sha256sum -b the asterisk.
sums_of_target() {
  awk -v target="${target}" '
    {
      sub(/\r$/, "")
      sum = tolower(substr($0, 1, 64)); between = substr($0, 65, 2); name = substr($0, 67)
      sub(/^\.\//, "", name)
      if (length(sum) != 64 || sum ~ /[^0-9a-f]/ || (between != "  " && between != " *")) next
      end = "-" target; version = length(name) - 8 - length(end)
      if (version < 1 || substr(name, 1, 8) != "skychat-") next
      if (substr(name, 9 + version) != end) next
      if (substr(name, 9, version) !~ /^[0-9][0-9A-Za-z.+-]*$/) next
      if (!seen[sum name]++) print sum " " name
    }' <"${sums}"
}

find_program() {
  sums=${from}/SHA256SUMS
  if [ ! -r "${sums}" ]; then
    fail 4 "cannot read ${sums}" \
      "Download SHA256SUMS of the same release into that folder, or say --from FOLDER"
  fi
  lines=$(sums_of_target) || fail 1 "cannot look through ${sums}"
  case ${lines} in
    '')
      for file in "${from}"/skychat-[0-9]*-"${target}"; do
        if [ ! -e "${file}" ]; then continue; fi
        fail 5 "SHA256SUMS has no sum for ${file##*/}, so nothing shows that it is intact" \
          "Download SHA256SUMS of the same release again"
      done
      no_build "the release in ${from} has none for ${target}" "Look for one in another release."
      ;;
    *"
"*)
      fail 5 "SHA256SUMS names more than one executable for ${target}:" "${lines}" \
        "Keep the files of each release in a folder of their own"
      ;;
    *) ;;
  esac
  wanted=${lines%% *}
  name=${lines#* }
  version=${name#skychat-}
  version=${version%-"${target}"}
  source=${from}/${name}
  if [ ! -f "${source}" ] || [ ! -r "${source}" ]; then
    fail 4 "cannot read ${source}, which SHA256SUMS names" "Download ${name} into that folder"
  fi
}

# sum_of FILE: its SHA-256. The file goes in as stdin: some programs mark odd names in their output.
sum_of() {
  if command -v sha256sum >/dev/null; then
    sum_line=$(sha256sum <"$1")
  elif command -v shasum >/dev/null; then
    sum_line=$(shasum -a 256 <"$1")
  elif command -v openssl >/dev/null; then
    sum_line=$(openssl dgst -sha256 -r <"$1")
  else
    fail 7 "cannot check the SHA-256 of the download" \
      "Install one of these and try again: sha256sum (coreutils), shasum (perl), openssl"
  fi
  sum_line=${sum_line%%[!0-9a-f]*}
  if [ "${#sum_line}" -ne 64 ]; then fail 7 "could not compute the SHA-256 of $1"; fi
  say "${sum_line}"
}

check_sum() {
  sum=$(sum_of "$1") || exit "$?"
  if [ "${sum}" != "${wanted}" ]; then
    fail 6 "${name} is not the file that was released" "SHA-256 by SHA256SUMS: ${wanted}" \
      "SHA-256 of the file:      ${sum}" "Download both again; if it stays wrong, do not run it." \
      "Nothing was installed."
  fi
}

# What the installed program says it is, such as 0.1.0. Starting it so touches no file of the user.
installed_version() {
  answer=$("${installed}" --version </dev/null 2>&1) || return 1
  case ${answer} in
    'skychat '[0-9]*) say "${answer#skychat }" ;;
    *) return 1 ;;
  esac
}

# Sets `before` to the version that is there. Another program of that name is not ours to touch, nor is
# what a package manager looks after.
look_at_place() {
  before=
  if [ ! -e "${installed}" ]; then return 0; fi
  if command -v dpkg-query >/dev/null && dpkg-query -S "${installed}" >/dev/null 2>&1; then
    fail 11 "${installed} belongs to a Debian package" \
      "Upgrade or remove it with apt, or choose another place with --prefix"
  fi
  if before=$(installed_version); then return 0; fi
  fail 11 "${installed} is another program" \
    "Asked for its version it does not answer as skychat does." \
    "Move it away, or choose another place with --prefix"
}

cannot_write() {
  fail 9 "cannot write to $1" "Run it with sudo, or choose a folder of yours: --prefix ~/.local" \
    "(If you may write there, see whether the disk is full.)" "Nothing was replaced."
}

# Beside its place, because only a rename within one file system leaves no moment without a program.
stage() {
  mkdir -p "${bin}" || cannot_write "${bin}"
  staged=$(mktemp "${bin}/.skychat.XXXXXX") || cannot_write "${bin}"
  cp "${source}" "${staged}" || cannot_write "${bin}"
  chmod 755 "${staged}" || cannot_write "${bin}"
  # After a power cut the name must not lead to a file whose content never reached the disk.
  sync "${staged}" 2>/dev/null || :
  check_sum "${staged}"
  said=$("${staged}" --version </dev/null 2>&1)
  if [ "${said}" != "skychat ${version}" ]; then
    fail 8 "${name} does not run here, or is not what its name says" \
      "Asked for its version it answered: ${said:-(nothing)}" \
      "It needs glibc 2.27 or newer, libgcc_s, and a file system mounted without noexec." \
      "Nothing was replaced."
  fi
}

replace() {
  stage
  mv -f "${staged}" "${installed}" || cannot_write "${installed}"
  staged=
  if [ -z "${before}" ]; then
    say "Installed skychat ${version}: ${installed}"
  elif [ "${before}" = "${version}" ]; then
    say "Installed skychat ${version} again: ${installed}"
  else
    say "Replaced skychat ${before} by ${version}: ${installed}"
  fi
  if [ -n "${before}" ]; then
    say "A node that is running goes on with the old program until you restart it."
  fi
}

# completion_file SHELL: where that shell looks for completions below a prefix.
completion_file() {
  case $1 in
    bash) say "${prefix}/share/bash-completion/completions/skychat" ;;
    zsh) say "${prefix}/share/zsh/site-functions/_skychat" ;;
    *) say "${prefix}/share/fish/vendor_completions.d/skychat.fish" ;;
  esac
}

add_completions() {
  for shell in bash zsh fish; do
    file=$(completion_file "${shell}")
    if ! { mkdir -p "${file%/*}" && staged=$(mktemp "${file%/*}/.skychat.XXXXXX") &&
      "${installed}" completion "${shell}" </dev/null >"${staged}" && chmod 644 "${staged}" &&
      mv -f "${staged}" "${file}"; }; then
      fail 9 "cannot install completion for ${shell}: ${file}" "The program itself is installed."
    fi
    staged=
    say "Installed completion for ${shell}: ${file}"
  done
  say "bash needs bash-completion for it; zsh needs this folder in its \$fpath:"
  say "  ${prefix}/share/zsh/site-functions"
}

say_next() {
  first=$(command -v skychat) || first=
  case ":${PATH}:" in
    *":${bin}:"*)
      if [ -n "${first}" ] && [ "${first}" != "${installed}" ]; then
        say "Note: ${first} comes before it on your PATH; remove that one or change the order."
      fi
      say "Next: skychat --help"
      ;;
    *)
      say "Note: ${bin} is not on your PATH. Put this line into ~/.profile and log in again:"
      say "  export PATH=\"${bin}:\$PATH\""
      say "Next: \"${installed}\" --help"
      ;;
  esac
}

say_plan() {
  say "Checked: ${name} has the sum that SHA256SUMS gives."
  say "Would install skychat ${version} as ${installed}"
  if [ -n "${before}" ]; then say "Would replace version ${before}"; fi
  for shell in ${completions:+bash zsh fish}; do
    file=$(completion_file "${shell}")
    say "Would write ${file}"
  done
  say "Nothing was changed."
}

remove() {
  found=
  look_at_place
  for shell in '' bash zsh fish; do
    if [ -n "${shell}" ]; then file=$(completion_file "${shell}"); else file=${installed}; fi
    if [ ! -e "${file}" ] && [ ! -h "${file}" ]; then continue; fi
    found=yes
    if [ -n "${dry_run}" ]; then
      say "Would remove ${file}"
    else
      rm -f "${file}" || fail 9 "cannot remove ${file}" "Run it as who installed it, or with sudo"
      say "Removed ${file}"
    fi
  done
  if [ -z "${found}" ]; then
    elsewhere=$(command -v skychat) || elsewhere='no skychat on your PATH'
    fail 10 "nothing to uninstall below ${prefix} (there is ${elsewhere})" \
      "If it is elsewhere, say --prefix FOLDER, the folder above its bin"
  fi
  say "Messages, keys and names that skychat keeps were not touched."
}

main() {
  from=
  prefix=
  completions=
  uninstall=
  dry_run=
  staged=
  LC_ALL=C
  export LC_ALL
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read_options "$@"
  choose_prefix
  if [ -n "${uninstall}" ]; then
    remove
    return 0
  fi
  if [ -z "${from}" ]; then
    case $0 in
      */*) take_folder --from "${0%/*}/." && from=${from%/.} ;;
      *) from=${PWD} ;;
    esac
  fi
  if [ ! -d "${from}/" ]; then fail 4 "there is no folder ${from}" "Look at what --from says."; fi
  choose_target
  find_program
  check_sum "${source}"
  may_write "${bin}" || cannot_write "${bin}"
  look_at_place
  if [ -n "${dry_run}" ]; then
    say_plan
    return 0
  fi
  # What root installs is for everybody, also where root's own files are not. Nobody else may ever change
  # it, or the folder that it is in.
  user=$(id -u)
  if [ "${user}" = 0 ]; then umask 022; else umask go-w; fi
  replace
  if [ -n "${completions}" ]; then add_completions; fi
  say_next
}

{ main "$@"; }
