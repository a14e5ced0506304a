import { expect, test } from 'vitest';
import { isPrivateHost, isPublicAddress } from '../../src/shared/public-address.ts';

test.each(['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ...['127.0.0.1', '10.1.2.3', '169.254.169.254', '100.64.0.1', '0.0.0.0', '::1', '::', 'fd00::1', 'fe80::1'],
  ...[
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::808:808',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '168.63.129.16',
  ],
])('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  ['localhost', true],
  ['LOCALHOST.', true],
  ['db.localhost', true],
  ['127.0.0.1', true],
  ['[::1]', true],
  ['[2606:2800:21f:cb07:6820:80da:af6b:8b2c]', false],
  ['example.com', false],
  ['localhost.example.com', false],
])('the host %s says itself that it is private: %s', (host, expected) => {
  expect(isPrivateHost(host)).toBe(expected);
});
