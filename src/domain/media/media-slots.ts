import { UploadSlots } from '../imports/upload-slots.ts';

/** Files that one server holds in memory at once: of 25 MB each at the most, and a vendor's SDK copies them. */
const AT_ONCE = 8;
/** So that one workspace leaves room for others. */
const OF_WORKSPACE = 3;

/** Bounds the files in memory; those beyond wait, and their clients stop sending meanwhile. */
export function openMediaSlots(): UploadSlots {
  return new UploadSlots({ atOnce: AT_ONCE, ofWorkspace: OF_WORKSPACE });
}
