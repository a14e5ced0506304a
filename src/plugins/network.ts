import { lookup } from 'node:dns';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector } from 'undici';
import { isPublicAddress } from '../shared/public-address.ts';
import type { PluginHost } from './contract.ts';
import { ProviderError } from './errors.ts';
import { fetchWithin } from './network-fetch.ts';
import { MAX_BODY_BYTES, postOn } from './network-post.ts';

/** Connections to one origin; calls beyond that wait for one. */
const MAX_CONNECTIONS = 1_024;
const KEEP_ALIVE_MS = 30_000;
/** Whoever waits otherwise waits the next longer of these: each has connections of its own. */
const CONNECT_STEPS_MS = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000] as const;
const LONGEST_CONNECT_MS = 60_000;

/** Where plugins may connect to, and how. */
export interface NetworkPolicy {
  /** Also loopback, private, link-local and other ranges that are not the public internet. */
  allowPrivate: boolean;
}

/** The way of plugins to the network: shared connections, closed to addresses that the policy forbids. */
export class PluginNetwork {
  readonly #policy: NetworkPolicy;
  /** Connections are shared by everything that waits equally long for one. */
  readonly #agents = new Map<number, Agent>();

  constructor(policy: NetworkPolicy) {
    this.#policy = policy;
  }

  /** @param connectMs how long a connection may take to be made; rounded up to one of a few steps */
  access(connectMs: number): Pick<PluginHost, 'fetch' | 'post'> {
    const dispatcher = this.#agent(CONNECT_STEPS_MS.find((stepMs) => stepMs >= connectMs) ?? LONGEST_CONNECT_MS);
    return {
      fetch: fetchWithin(dispatcher, MAX_BODY_BYTES),
      post: (url, init) => postOn(dispatcher, url, init),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #agent(connectMs: number): Agent {
    const known = this.#agents.get(connectMs);
    if (known !== undefined) return known;
    const agent = new Agent({
      connect: guardedConnector(this.#policy, connectMs),
      connections: MAX_CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The gateway sets its own limits for each call.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#agents.set(connectMs, agent);
    return agent;
  }
}

/**
 * Checks the address that is really connected to: a name that leads to a forbidden one, at once or at a second look-up,
 * ends here.
 */
function guardedConnector(policy: NetworkPolicy, connectMs: number): buildConnector.connector {
  const connect = buildConnector({
    timeout: connectMs,
    ...(policy.allowPrivate ? {} : { lookup: publicLookup as never }),
  });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (!policy.allowPrivate && ipaddr.isValid(host) && !isPublicAddress(host)) {
      callback(forbidden(host), null);
      return;
    }
    connect(options, callback);
  };
}

type LookupCallback = (error: Error | null, address?: unknown, family?: number) => void;

function publicLookup(hostname: string, options: { all?: boolean }, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const refused = addresses?.find(({ address }) => !isPublicAddress(address));
    if (error !== null) callback(error);
    else if (refused !== undefined || addresses.length === 0) callback(forbidden(hostname));
    else if (options.all === true) callback(null, addresses);
    else callback(null, addresses[0]?.address, addresses[0]?.family);
  });
}

function forbidden(host: string): ProviderError {
  return new ProviderError(
    'bad_request',
    `the address ${host} is private; set SIGNALBOX_ALLOW_PRIVATE_URLS=1 where plugins may connect to it`,
  );
}
