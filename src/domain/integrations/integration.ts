import type { Capability } from '../../plugins/contract.ts';

/** A model as an integration's configuration describes it: one the plugin does not know, or knows otherwise. */
export interface ConfiguredModel {
  name: string;
  capabilities?: Capability[];
  dimensions?: number;
  contextTokens?: number;
  inputUsdPerMillion?: string;
  outputUsdPerMillion?: string;
  cachedInputUsdPerMillion?: string;
  cacheWriteUsdPerMillion?: string;
  usdPerAudioSecond?: string;
  usdPerImage?: string;
}

/** Time limits of one try at a provider, in milliseconds. */
export interface CallTimeouts {
  /** To make a connection. */
  connectMs: number;
  /** Until the first piece of a streamed answer. */
  firstTokenMs: number;
  /** Between two pieces of it. */
  idleMs: number;
  /** For the whole answer. */
  totalMs: number;
}

/** What every integration can set, whatever its plugin; the gateway reads it, the plugin does not. */
export interface CallConfig {
  /** Used where this integration is a fallback and has no model of the name that was asked for. */
  defaultModel?: string;
  models?: ConfiguredModel[];
  timeouts?: Partial<CallTimeouts>;
  /** Tries after the first, 0 to 10. */
  retries?: number;
  /** Texts in one embedding call, at the most; below the model's own limit. */
  batchSize?: number;
}

/** A provider that a workspace has configured. */
export interface Integration {
  id: string;
  workspaceId: string;
  name: string;
  pluginId: string;
  /** The plugin's configuration without credentials, and `CallConfig`, in one object as it was given. */
  config: Record<string, unknown> & CallConfig;
  hasCredentials: boolean;
  fallbackId: string | null;
  isActive: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** With its credentials, still sealed. */
export interface StoredIntegration extends Integration {
  credentials: Uint8Array | null;
}

export const MODEL_WORKS = ['embed', 'classify', 'chat', 'agents', 'summarise', 'moderate'] as const;
/** A kind of work that a workspace chooses a model for. */
export type ModelWork = (typeof MODEL_WORKS)[number];

/** Ids of models, and what to call them with. */
export interface ModelChoice {
  primary: string;
  fallbacks: string[];
  parameters: Record<string, unknown>;
}

/** What a workspace has chosen. */
export interface WorkspaceSettings {
  preferences: Record<string, unknown>;
  policies: Record<string, unknown>;
  models: Partial<Record<ModelWork, ModelChoice>>;
  answerEpoch: number;
  embeddingEpoch: number;
}
