import ipaddr from 'ipaddr.js';

/** Platform services of clouds at addresses that look public. */
const PLATFORM_ADDRESSES: readonly string[] = ['168.63.129.16'];
const IPV4_COMPATIBLE_ZEROS = 12;

/** Whether an address belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  // ::127.0.0.1 was another spelling of it once, and some systems still connect by it.
  if (/^::\d+\./.test(address)) return false;
  // ::ffff:127.0.0.1 is 127.0.0.1.
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast' || PLATFORM_ADDRESSES.includes(parsed.toString())) return false;
  const isCompatible = parsed.kind() === 'ipv6' && isZero(parsed.toByteArray().slice(0, IPV4_COMPATIBLE_ZEROS));
  return !isCompatible;
}

/** Whether a url's host says itself that it is not of the public internet; a name is not looked up. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (ipaddr.isValid(host)) return !isPublicAddress(host);
  return host === 'localhost' || host.endsWith('.localhost');
}

function isZero(bytes: readonly number[]): boolean {
  return bytes.every((byte) => byte === 0);
}
