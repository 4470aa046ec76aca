/** What every threshold would do, and where the present one lies. */

import { Curve } from '../../components/charts/Curve';
import { t } from '../../texts';
import type { Rates, RocPoint } from './decide';

type RocPanelProps = { readonly roc: readonly RocPoint[]; readonly rates: Rates };

export function RocPanel({ roc, rates }: RocPanelProps) {
  const texts = t.evaluate.roc;
  const { miss, falseAlarm } = rates;
  if (roc.length === 0) return null;
  return (
    <section className="panel" aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <Curve
        title={texts.title}
        isTitleHidden
        xLabel={texts.x}
        yLabel={texts.y}
        xDomain={[0, 1]}
        yDomain={[0, 1]}
        lines={[
          {
            key: 'roc',
            name: texts.line,
            tone: 'accent',
            points: roc.map((point) => ({ x: point.falseAlarm, y: point.detection })),
          },
        ]}
        {...(miss.value !== null && falseAlarm.value !== null
          ? { marker: { x: falseAlarm.value, y: 1 - miss.value, name: texts.here } }
          : {})}
      />
    </section>
  );
}
