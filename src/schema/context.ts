import type { Loaders } from './loaders.ts';
import type { GraphRequest } from './request.ts';

/** What every resolver has. */
export interface GraphContext extends GraphRequest {
  loaders: Loaders;
}
