/** How far an image was moved onto the reference, as a person sees it. */

import type { AlignmentOut } from '../../api/schema';
import { t } from '../../texts';

type Moved = Pick<AlignmentOut, 'shift_xy' | 'rotation_deg' | 'scale'>;

/** The part in the image lies this far from where it is on the reference. */
export function movedWords({ shift_xy, rotation_deg, scale }: Moved): string {
  const texts = t.template.preview;
  const [dx = 0, dy = 0] = shift_xy;
  const px = (value: number) => Math.abs(value).toFixed(1);
  const degrees = Math.abs(rotation_deg).toFixed(2);
  return texts.moved(
    (dx < 0 ? texts.left : texts.right)(px(dx)),
    (dy < 0 ? texts.up : texts.down)(px(dy)),
    Number(degrees) === 0
      ? texts.notTurned
      : (rotation_deg > 0 ? texts.counterclockwise : texts.clockwise)(degrees),
    scale.toFixed(3),
  );
}
