/** How odd every normal is, and those that are proposed, with the odd place ringed. */

import { Histogram } from '../../components/charts/Histogram';
import { t } from '../../texts';
import type { CheckReport } from './report';
import { TileRow } from './Tiles';

export function OddNormals({ part }: { readonly part: CheckReport['contamination'] }) {
  const texts = t.health.contamination;
  if (part.images.length === 0) return null;
  const z = (isFlagged: boolean) =>
    part.images.filter((one) => one.flagged === isFlagged).map((one) => one.z);
  const all = [...part.images.map((one) => one.z), part.flag_from];
  return (
    <>
      <TileRow
        topic="contamination"
        entries={part.images
          .filter((one) => one.flagged)
          .map((one) => ({
            key: one.image,
            caption: t.health.tile.z(one.z.toFixed(1)),
            placeXy: one.place_xy,
          }))}
      />
      <Histogram
        title={texts.chart}
        xLabel={texts.axis}
        domain={[Math.floor(Math.min(...all)), Math.ceil(Math.max(...all) + 0.2)]}
        height={180}
        look="stacked"
        groups={[
          { key: 'kept', name: texts.kept, tone: 'muted', values: z(false) },
          { key: 'shown', name: texts.shown, tone: 'ng', values: z(true) },
        ]}
        mark={{ value: part.flag_from, name: texts.from }}
      />
    </>
  );
}
