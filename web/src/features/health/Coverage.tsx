/** Whether the normals hold the looks that good parts have: curve and map of each region. */

import { Curve } from '../../components/charts/Curve';
import { sharpUrl, useImage } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import type { CheckReport, CoverageRegion } from './report';
import { useDecisions } from './useDecisions';

const FULL = 0.25; // relative fall of the distance from half of the normals to all

type CoverageProps = { readonly report: CheckReport; readonly isSaid: boolean };

export function Coverage({ report, isSaid }: CoverageProps) {
  const { coverage, contamination } = report;
  const regions = coverage.regions.filter((region) => region.curve.length > 0);
  return (
    <>
      {!isSaid && <p>{moreWords(coverage.more, coverage.gain)}</p>}
      {regions.map((region) => (
        <div key={region.id} className="coverage">
          <CoverageCurve region={region} />
          <figure>
            <CoverageMap region={region} referenceKey={contamination.reference} />
            <figcaption>{t.health.coverage.mapWords}</figcaption>
          </figure>
        </div>
      ))}
    </>
  );
}

function moreWords(more: number | null, gain: number | null): string {
  const texts = t.health.coverage;
  if (gain === null) return texts.untold;
  if (more === null) return texts.open;
  return more === 0 ? texts.enough : texts.more(more);
}

function CoverageCurve({ region }: { readonly region: CoverageRegion }) {
  const texts = t.health.coverage;
  const { curve } = region;
  return (
    <Curve
      title={texts.curve(region.id)}
      xLabel={texts.x}
      yLabel={texts.y}
      height={220}
      xDomain={[0, Math.max(...curve.map((point) => point.normals))]}
      yDomain={[0, Math.max(...curve.map((point) => point.high))]}
      lines={[
        {
          key: region.id,
          name: region.id,
          tone: 'accent',
          points: curve.map(({ normals, tail, low, high }) => ({ x: normals, y: tail, low, high })),
        },
      ]}
    />
  );
}

type MapProps = { readonly region: CoverageRegion; readonly referenceKey: string | null };

/** The region of the reference, coloured where new looks still come. */
function CoverageMap({ region, referenceKey }: MapProps) {
  const { id: projectId } = useProject();
  const decisions = useDecisions();
  const image = useImage(referenceKey === null ? null : decisions.idOf(referenceKey)).data;
  const [x, y, width, height] = region.bounds_xywh;
  const rows = region.map.length;
  return (
    <svg
      className="coverage-map"
      viewBox={`${x} ${y} ${width} ${height}`}
      role="img"
      aria-label={t.health.coverage.map(region.id)}
    >
      {image && (
        <image
          href={sharpUrl(projectId, image)}
          width={image.width}
          height={image.height}
          preserveAspectRatio="none"
        />
      )}
      {region.map.map((row, r) =>
        row.map((share, c) => {
          const strength = Math.min(1, Math.max(0, share / FULL));
          if (strength < 0.05) return null;
          const cell = { width: width / row.length, height: height / rows };
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: cells do not move
              key={`${r} ${c}`}
              x={x + c * cell.width}
              y={y + r * cell.height}
              {...cell}
              opacity={0.75 * strength}
            />
          );
        }),
      )}
    </svg>
  );
}
