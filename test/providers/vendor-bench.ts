import { VendorServer, type WireAnswer } from '../../src/plugins/conformance/vendor-server.ts';
import type { CallContext, GenerateRequest, Provider, ProviderPlugin, StreamPart } from '../../src/plugins/contract.ts';
import { testHost } from '../support/plugin-host.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

export const call: CallContext = { signal: new AbortController().signal, requestId: 'test' };

/** A plugin's provider against a vendor on this machine, for rules of one vendor alone. */
export class VendorBench<Config> {
  readonly vendor: VendorServer;
  readonly provider: Provider;
  readonly #plugin: ProviderPlugin<Config>;
  readonly #folder: TempFolder;
  readonly #opened: Provider[] = [];

  private constructor(plugin: ProviderPlugin<Config>, vendor: VendorServer, config: Config) {
    this.vendor = vendor;
    this.#plugin = plugin;
    this.#folder = makeTempFolder(plugin.manifest.id);
    this.provider = this.open(config);
  }

  /** @param config of `provider`, for a vendor at the url */
  static async start<Config>(
    plugin: ProviderPlugin<Config>,
    config: (url: string) => Config,
  ): Promise<VendorBench<Config>> {
    const vendor = await VendorServer.start();
    return new VendorBench(plugin, vendor, config(vendor.url));
  }

  /** Another provider; closed with the bench. */
  open(config: Config): Provider {
    const provider = this.#plugin.create(config, testHost(this.#folder.path));
    this.#opened.push(provider);
    return provider;
  }

  answers(answer: WireAnswer): void {
    this.vendor.play({ do: 'answer', ...answer });
  }

  /** The answer to a request, which the vendor streams in these chunks. */
  streamed(chunks: readonly string[], request: GenerateRequest, provider = this.provider): Promise<StreamPart[]> {
    this.vendor.play({ do: 'stream', chunks });
    return collected(provider, request);
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((each) => each.close()));
    await this.vendor.close();
    await this.#folder.remove();
  }
}

/** The pieces and the end of a streamed answer. */
export async function collected(provider: Provider, request: GenerateRequest): Promise<StreamPart[]> {
  return (await allParts(provider, request)).filter(({ kind }) => kind !== 'usage');
}

/** With what the vendor tells of its tokens before the end. */
export async function allParts(provider: Provider, request: GenerateRequest): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of provider.stream?.(request, call) ?? []) parts.push(part);
  return parts;
}
