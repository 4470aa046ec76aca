/** Choices with defaults that are good, and one button. */

import { useState } from 'react';
import type { Summary, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { CheckField, ChoiceField, Segments, TextField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { useStart } from '../../data/starting';
import { t } from '../../texts';
import {
  DEFAULT_PLAN,
  DETECTORS,
  type Facts,
  factsNow,
  notesOf,
  type Plan,
  RESOLUTIONS,
  settingsOf,
  trainsNetwork,
} from './plan';

const NOW = 'now';

type StartFormProps = { readonly summary: Summary; readonly versions: readonly VersionOut[] };

export function StartForm({ summary, versions }: StartFormProps) {
  const { id: projectId } = useProject();
  const mayStart = useMay('engineer');
  const start = useStart();
  const [plan, setPlan] = useState<Plan>(DEFAULT_PLAN);
  const [chosen, setChosen] = useState(NOW);
  const change = (part: Partial<Plan>) => setPlan((before) => ({ ...before, ...part }));
  const version = versions.find((one) => one.id === chosen) ?? null;
  const facts = version ? factsOf(version, summary) : factsNow(summary);
  const notes = notesOf(plan, facts);
  const texts = t.train.form;
  return (
    <form
      className="panel train-form"
      aria-label={texts.title}
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate({ kind: 'fit', versionId: version?.id ?? null, settings: settingsOf(plan) });
      }}
    >
      <h2>{texts.title}</h2>
      <ChoiceField
        label={texts.version}
        value={chosen}
        options={[NOW, ...versions.map((one) => one.id)]}
        names={Object.fromEntries([
          [NOW, texts.labelledNow],
          ...versions.map((one, i) => [
            one.id,
            texts.versionName(versions.length - i, t.common.date(one.created_s)),
          ]),
        ])}
        onChange={setChosen}
        hint={
          version
            ? texts.counts(version, version.created_by)
            : texts.now(summary.ok, summary.ng, summary.left_out)
        }
      />
      <ChoiceField
        label={texts.detector}
        value={plan.detector}
        options={DETECTORS}
        names={t.train.detectors}
        onChange={(detector) => change({ detector })}
        hint={t.train.detectorHints[plan.detector]}
      />
      <div className="field">
        <span className="field-label">{texts.resolution}</span>
        <Segments
          label={texts.resolution}
          value={plan.resolution}
          options={RESOLUTIONS}
          names={texts.resolutions}
          onChange={(resolution) => change({ resolution })}
        />
        <p className="field-hint">{texts.resolutionHint[plan.resolution]}</p>
      </div>
      {trainsNetwork(plan.detector) && (
        <CheckField label={texts.few} value={plan.few} onChange={(few) => change({ few })} />
      )}
      <More plan={plan} change={change} />
      {notes.length > 0 && (
        <ul className="train-notes" role="status">
          {notes.map((note) => (
            <li key={note.name} className={note.isStop ? 'is-stop' : ''}>
              {t.train.notes[note.name](facts.normals)}
              {note.name === 'no_template' && (
                <>
                  {' '}
                  <a href={pageLink(projectId, 'template')}>{t.train.draw}</a>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {start.error && <Problem error={start.error} />}
      <Button
        type="submit"
        look="primary"
        icon="train"
        disabled={!mayStart || start.isPending || notes.some((note) => note.isStop)}
      >
        {start.isPending ? texts.starting : texts.start}
      </Button>
      {!mayStart && <p className="field-hint">{texts.mayNot}</p>}
    </form>
  );
}

function factsOf(version: VersionOut, summary: Summary): Facts {
  return {
    normals: version.normals,
    leftOutOk: 0,
    testGood: version.test_good,
    testBad: version.test_bad,
    hasTemplate: summary.template_version !== null,
  };
}

type MoreProps = { readonly plan: Plan; readonly change: (part: Partial<Plan>) => void };

/** What is seldom changed; a value that cannot be is not taken over. */
function More({ plan, change }: MoreProps) {
  const [wrong, setWrong] = useState<{ rate?: boolean; seed?: boolean }>({});
  const texts = t.train.form;
  return (
    <details className="train-more">
      <summary>{texts.more}</summary>
      <div className="field-pair">
        <TextField
          label={texts.rate}
          value={String(Number((100 * plan.falseAlarmRate).toPrecision(6)))}
          inputMode="decimal"
          hint={texts.rateHint}
          error={wrong.rate ? texts.rateError : null}
          onChange={(text) => {
            const percent = Number(text.replace(',', '.'));
            const isRight = percent > 0 && percent < 100;
            setWrong((before) => ({ ...before, rate: !isRight }));
            if (isRight) change({ falseAlarmRate: percent / 100 });
          }}
        />
        <TextField
          label={texts.seed}
          value={String(plan.seed)}
          inputMode="decimal"
          hint={texts.seedHint}
          error={wrong.seed ? texts.seedError : null}
          onChange={(text) => {
            const isRight = /^\d{1,9}$/.test(text.trim());
            setWrong((before) => ({ ...before, seed: !isRight }));
            if (isRight) change({ seed: Number(text) });
          }}
        />
      </div>
    </details>
  );
}
