/** How one image is worked on, and the way from it to others. */

import type { ImageOut } from '../../api/schema';

export type Mode = 'verdicts' | 'outlines';

/** Where an image lies in the list; `step` goes to its neighbour. */
export type Neighbours = {
  readonly place: string | null;
  readonly previous: ImageOut | null;
  readonly next: ImageOut | null;
  readonly step: (by: 1 | -1) => void;
  readonly back: () => void;
};
