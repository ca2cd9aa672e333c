import type { FlagTable } from "./flag.ts";

/** Flags of `app` (cli.md 2). */
export const APP_FLAGS = {
  "standalone": {
    type: "bool",
    group: "Node:",
    help: "run without a visor; PROC_CONFIG is not read",
  },
  "addr": {
    type: "string",
    value: "[host]:port",
    default: ":8001",
    group: "Node:",
    help: "control surface (HTTP); :PORT is this machine only, *:PORT every interface",
  },
  "no-password": {
    type: "bool",
    group: "Node:",
    help: "serve an address that others can reach without a password; guard the port yourself",
  },
  "password-file": {
    type: "path",
    value: "file",
    group: "Node:",
    help: "password of the control surface: a file written by skychat passwd, or one line " +
      "<hex salt>:<hex sha256 of password and salt>",
  },
  "internal-token": {
    type: "string",
    value: "token",
    group: "Node:",
    help:
      "a request with this value in X-Skychat-Internal-Token needs no password; for a reverse " +
      "proxy on this machine; the process list shows it to other users",
  },
  "os-notify": {
    type: "bool",
    group: "Node:",
    state: "later",
    help: "desktop notifications",
  },
  "sk": {
    type: "string",
    value: "hex",
    env: "DMSGCURL_SK",
    group: "Identity:",
    help: "secret key, 64 hex digits; the process list shows it to other users of this machine",
  },
  "config": {
    type: "path",
    short: "c",
    value: "file",
    group: "Identity:",
    help: "JSON file whose top-level string sk is the secret key",
  },
  "tcp-listen": {
    type: "string",
    value: "[host]:port",
    group: "Direct links:",
    help: "accept links here; :PORT is every interface; empty is off",
  },
  "tcp-peer": {
    type: "list",
    value: "tcp://pk@host:port",
    group: "Direct links:",
    help: "keep a link to this peer; repeat or separate with commas",
  },
  "tcp-whitelist": {
    type: "string",
    value: "pk,pk",
    group: "Direct links:",
    help: "keys that may link in; empty is every authenticated key",
  },
  "ack": {
    type: "string",
    value: "when",
    choices: ["received", "stored"],
    defaultText: "stored with --persist, else received",
    group: "Direct links:",
    help: "when a message is acknowledged: once it was received, or once it is on disk",
  },
  "cxo": {
    type: "bool",
    group: "CXO feeds:",
    help:
      "messages go to this node's own feed, which everybody who reaches --cxo-listen can read, " +
      "and come from the feeds of --cxo-peer; who was away gets what it missed",
  },
  "cxo-listen": {
    type: "string",
    value: "[host]:port",
    default: ":8802",
    group: "CXO feeds:",
    help:
      "where peers reach the feed, or members of a group this node; :PORT is every interface; " +
      "empty is nowhere",
  },
  "cxo-peer": {
    type: "list",
    value: "tcp://feedpk@host:port",
    group: "CXO feeds:",
    help: "feed to subscribe to, or member of the group; repeat or separate with commas",
  },
  "cxo-cap": {
    type: "int",
    value: "n",
    default: "150000",
    min: 1,
    max: 180_000,
    group: "CXO feeds:",
    help: "messages kept in the own feed, the oldest eighth dropped beyond; with --persist also " +
      "those older than --persist-ttl",
  },
  "cxo-group": {
    type: "string",
    value: "id",
    group: "Groups:",
    help: "federated group to take part in; governance needs an id that is a UUID; " +
      "wins over --cxo",
  },
  "cxo-group-owner": {
    type: "string",
    value: "pk",
    group: "Groups:",
    help: "owner of the group, which may be this node; required with --cxo-group",
  },
  "cxo-group-governance": {
    type: "string",
    value: "whose",
    choices: ["owner", "all"],
    default: "owner",
    group: "Groups:",
    help: "who adds, removes and moderates: the owner and whom it promotes, or every member, " +
      "which is the rule of the deployed system",
  },
  "cxo-group-mode": {
    type: "string",
    value: "mode",
    choices: ["public", "private"],
    defaultText: "as recorded, else public",
    group: "Groups:",
    help: "private: messages are encrypted for the members",
  },
  "cxo-advertise": {
    type: "string",
    value: "host:port",
    group: "Groups:",
    help: "where members reach --cxo-listen from outside; invites name it",
  },
  "group-dir": {
    type: "path",
    value: "folder",
    defaultText: "./local/groups",
    group: "Groups:",
    help: "where groups are remembered: roster, keys and what was seen",
  },
  "join": {
    type: "string",
    value: "link",
    neverEmpty: "the link is empty: leave --join away to take part in no group",
    group: "Groups:",
    help: "take part in the group of this invite link, which says the id, owner, members and " +
      "mode; not together with --cxo-group",
  },
  "persist": {
    type: "bool",
    group: "History:",
    help: "keep messages across restarts, unencrypted: whoever can read the file can read them",
  },
  "persist-db": {
    type: "path",
    value: "file",
    defaultText: "./local/skychat-history.db",
    group: "History:",
    help: "store file",
  },
  "persist-per-peer-cap": {
    type: "int",
    value: "n",
    default: "500",
    group: "History:",
    help: "stored messages per conversation, oldest dropped; 0 is no limit",
  },
  "persist-ttl": {
    type: "int",
    value: "days",
    default: "30",
    group: "History:",
    help: "age limit; 0 is none",
  },
  "persist-seed": {
    type: "int",
    value: "n",
    default: "50",
    group: "History:",
    help: "stored messages sent to a new /sse client; 0 is none",
  },
  "persist-whitelist": {
    type: "path",
    value: "file",
    group: "History:",
    help: "store only these peers: one key a line, # for comments",
  },
  "persist-per-peer-rate": {
    type: "int",
    value: "n",
    default: "20",
    group: "History:",
    help:
      "stored messages per peer and minute, both directions together; a livelier talk is shown " +
      "but loses records; 0 is no limit",
  },
  "persist-total-cap": {
    type: "int",
    value: "MiB",
    default: "10",
    group: "History:",
    help: "size of the stored messages; when it is reached nothing more is stored; 0 is no limit",
  },
  "persist-max-size": {
    type: "int",
    value: "bytes",
    default: "4096",
    group: "History:",
    help: "largest stored text; a longer one is shown but not stored; 0 is no limit",
  },
  "persist-group-cap": {
    type: "int",
    value: "n",
    default: "5000",
    group: "History:",
    help: "stored messages per group, oldest dropped; 0 is no limit",
  },
  "persist-group-rate": {
    type: "int",
    value: "n",
    default: "60",
    group: "History:",
    help: "stored messages per member of a group and minute; 0 is no limit",
  },
  "pair-enable": {
    type: "bool",
    group: "With a visor only:",
    help: "accepted and shown in the status; pairing needs a visor, so /pair stays 503",
  },
  "pair-rpc": {
    type: "string",
    value: "host:port",
    default: "localhost:3435",
    group: "With a visor only:",
    help: "accepted, unused",
  },
  "pair-poll-interval": {
    type: "duration",
    default: "1s",
    group: "With a visor only:",
    help: "accepted, unused",
  },
  "skynet": {
    type: "bool",
    default: "true",
    group: "With a visor only:",
    help: "use skynet: listen on it and dial over it",
  },
  "dmsg": {
    type: "bool",
    default: "true",
    group: "With a visor only:",
    help: "use dmsg: listen on it and dial over it",
  },
  "port": {
    type: "int",
    value: "n",
    default: "0",
    min: 0,
    max: 65_535,
    group: "With a visor only:",
    help: "port of chat on both networks, here and at peers; 0 is the one that the visor assigned",
  },
  "portless": {
    type: "bool",
    group: "With a visor only:",
    help: "dial peers and listen on no network of the visor; refused without one",
  },
} as const satisfies FlagTable;
