/** What a threshold rests on, in one word. */

import type { ThresholdOut } from '../../api/schema';

export type StatusName = 'certified' | 'extrapolated' | 'provisional' | 'manual' | 'moved';

/** A promise that was withdrawn says so, whatever the normals had certified before. */
export function statusOf(threshold: Pick<ThresholdOut, 'status' | 'guarantee_upper'>): StatusName {
  const { status, guarantee_upper } = threshold;
  if (status === 'provisional' || status === 'manual') return status;
  if (guarantee_upper === null) return 'moved';
  return status === 'certified' ? 'certified' : 'extrapolated';
}
