import { verdictOf } from '../../core/document';
import { t } from '../../texts';
import type { Labeller } from './useAnnotator';
import { VerdictSwitch } from './VerdictSwitch';

type RegionVerdictsProps = { readonly labeller: Labeller; readonly note: string | null };

export function RegionVerdicts({ labeller, note }: RegionVerdictsProps) {
  const { doc, selection } = labeller;
  return (
    <section>
      <h2>{t.annotate.regions}</h2>
      {note && (
        <p className="field-hint" role="status">
          {note}
        </p>
      )}
      <ul className="verdict-list">
        {doc.regions.map((region) => (
          <li key={region.key} className={selection.includes(region.key) ? 'is-chosen' : ''}>
            <button
              type="button"
              className="row-name"
              aria-pressed={selection.includes(region.key)}
              onClick={() => labeller.select([region.key])}
            >
              <span className="region-name">{region.name}</span>
            </button>
            <VerdictSwitch
              isSmall
              of={region.name}
              value={verdictOf(doc, region)}
              onChange={(verdict) => labeller.judge(verdict, [region])}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
