/** Findings by topic, the worst first, each with its pictures. */

import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { Coverage } from './Coverage';
import { DecisionBar } from './DecisionBar';
import { Duplicates } from './Duplicates';
import { OddNormals } from './OddNormals';
import { Confounds, OtherSizes, Variants } from './Others';
import { type CheckReport, plainWords, type Topic, topicsOf } from './report';
import { TileRow } from './Tiles';
import { DecisionsProvider, useMakeDecisions } from './useDecisions';

const BADGE = {
  must: 'badge-missed',
  look: 'badge-short',
  note: 'badge-note',
  calm: 'badge-enough',
} as const;

export function Report({ report }: { readonly report: CheckReport }) {
  const { id } = useProject();
  const decisions = useMakeDecisions(report);
  const topics = topicsOf(report);
  const anchor = (topic: Topic) => `health-${id}-${topic.name}`;
  return (
    <DecisionsProvider value={decisions}>
      <div className="page-body health">
        <nav className="panel health-topics" aria-label={t.health.overview}>
          <h2>{t.health.overview}</h2>
          {report.findings.length === 0 && <p>{t.health.fine}</p>}
          <ul>
            {topics.map((topic) => (
              <li key={topic.name}>
                <button
                  type="button"
                  onClick={() => document.getElementById(anchor(topic))?.scrollIntoView()}
                >
                  <span>{t.health.topics[topic.name]}</span>
                  <span className={`badge ${BADGE[topic.level]}`}>
                    {t.health.levels[topic.level]}
                  </span>
                </button>
              </li>
            ))}
          </ul>
          <p className="quiet">{t.health.tile.keys}</p>
        </nav>
        <div className="health-sections">
          {topics.map((topic) => (
            <section key={topic.name} id={anchor(topic)} className="panel">
              <h2>
                {t.health.topics[topic.name]}{' '}
                <span className={`badge ${BADGE[topic.level]}`}>
                  {t.health.levels[topic.level]}
                </span>
              </h2>
              {topic.findings.map((finding) => (
                <p key={finding.words}>{plainWords(finding.words)}</p>
              ))}
              <Content topic={topic} report={report} />
            </section>
          ))}
          {report.notes.length > 0 && (
            <details className="panel">
              <summary>{t.health.notes}</summary>
              <ul>
                {report.notes.map((note) => (
                  <li key={note}>{plainWords(note)}</li>
                ))}
              </ul>
            </details>
          )}
        </div>
      </div>
      <DecisionBar />
    </DecisionsProvider>
  );
}

function Content({ topic, report }: { readonly topic: Topic; readonly report: CheckReport }) {
  switch (topic.name) {
    case 'contamination':
      return <OddNormals part={report.contamination} />;
    case 'duplicates':
      return <Duplicates groups={report.duplicates} />;
    case 'coverage':
      return <Coverage report={report} isSaid={topic.findings.length > 0} />;
    case 'variants':
      return <Variants groups={report.variants} />;
    case 'confounds':
      return <Confounds rows={report.confounds} circumstances={report.circumstances} />;
    default: {
      const keys = topic.findings.flatMap((finding) => finding.images);
      return (
        <>
          <TileRow topic={topic.name} entries={[...new Set(keys)].map((key) => ({ key }))} />
          {topic.name === 'sizes' && <OtherSizes found={report.other_sizes} />}
        </>
      );
    }
  }
}
