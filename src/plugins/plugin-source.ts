import { lookup } from 'node:dns/promises';
import { readdir, realpath } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isPublicAddress } from '../shared/public-address.ts';
import { withoutTrailingSlash } from '../shared/trailing-slash.ts';
import { PluginRefusedError } from './plugin-errors.ts';

/** Where a plugin comes from: an installed package, a file below the plugins folder, or a process. */
export interface PluginSource {
  kind: 'package' | 'path' | 'url';
  value: string;
}

/** What a thread imports: a `file:` url or a package's name, as it is found from `base`. */
export interface PluginModule {
  specifier: string;
  base: string;
}

/** https://docs.npmjs.com/cli/configuring-npm/package-json#name, without the old names that have capitals. */
const PACKAGE_SHAPE = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/;
const MODULE_EXTENSIONS = ['.ts', '.js', '.mjs'];
const LISTED_MODULES = 20;
/** Bare names are looked up from here: the server's own folder, and then the one it was started in. */
const SERVER_FILE = fileURLToPath(new URL('../../package.json', import.meta.url));

/** @throws PluginRefusedError */
export function findPackage(name: string): PluginModule {
  const bases = PACKAGE_SHAPE.test(name) ? [SERVER_FILE, join(process.cwd(), 'package.json')] : [];
  const base = bases.find((file) => isInstalled(name, file));
  if (base !== undefined) return { specifier: name, base };
  throw new PluginRefusedError(
    'MODULE_NOT_FOUND',
    `install the package first: there is no ${JSON.stringify(name)} in the node_modules of this server`,
  );
}

function isInstalled(name: string, base: string): boolean {
  try {
    return findPackageJSON(name, pathToFileURL(base)) !== undefined;
  } catch {
    return false;
  }
}

/**
 * A module below the plugins folder, by its real place: neither `..` nor a symbolic link leads out of it.
 * @returns the module, and its path from the folder in one spelling
 * @throws PluginRefusedError
 */
export async function findFile(folder: string, path: string): Promise<{ module: PluginModule; path: string }> {
  const asked = resolve(folder, path);
  if (!isBelow(asked, resolve(folder))) throw outside(path);
  const root = await realpath(folder).catch(() => null);
  const file = root === null ? null : await realpath(asked).catch(() => null);
  if (root === null || file === null || !MODULE_EXTENSIONS.includes(extname(file))) {
    throw new PluginRefusedError('MODULE_NOT_FOUND', await notFound(folder, path));
  }
  if (!isBelow(file, root)) throw outside(path);
  return {
    module: { specifier: pathToFileURL(file).href, base: file },
    path: relative(resolve(folder), asked).replaceAll(sep, '/'),
  };
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(path: string): PluginRefusedError {
  return new PluginRefusedError(
    'MODULE_OUTSIDE_FOLDER',
    `put the module below the plugins folder (SIGNALBOX_PLUGINS_DIR): ${JSON.stringify(path)} leads out of it`,
  );
}

async function notFound(folder: string, path: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const modules = entries.filter((name) => MODULE_EXTENSIONS.includes(extname(name)) && !name.includes('node_modules'));
  const there = modules.sort().slice(0, LISTED_MODULES).join(', ');
  return (
    `name a .ts, .js or .mjs file below the plugins folder: there is no ${JSON.stringify(path)}; ` +
    (there === '' ? 'there are none' : `there are: ${there}`)
  );
}

/**
 * The address of a plugin's process, without a slash at its end. Credentials are sent there, so that it has to be https,
 * unless it is in a network of one's own.
 * @throws PluginRefusedError
 */
export async function checkUrl(given: string, allowPrivate: boolean): Promise<string> {
  const url = URL.parse(given);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new PluginRefusedError('URL_FORBIDDEN', 'give an http(s) url');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new PluginRefusedError('URL_FORBIDDEN', 'give the url without credentials, query and fragment: it is listed');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await lookup(host, { all: true }).catch((error: unknown) => {
    throw new PluginRefusedError('URL_UNREACHABLE', `the name ${host} leads to no address`, { cause: error });
  });
  const isPublic = addresses.map(({ address }) => isPublicAddress(address));
  if (!allowPrivate && isPublic.includes(false)) {
    throw new PluginRefusedError(
      'URL_FORBIDDEN',
      `set SIGNALBOX_ALLOW_PRIVATE_URLS=1 where plugins may be at private addresses: ${host} leads to one`,
    );
  }
  if (url.protocol === 'http:' && isPublic.includes(true)) {
    throw new PluginRefusedError('URL_FORBIDDEN', 'use https: credentials are sent to the process');
  }
  return withoutTrailingSlash(url.href);
}
