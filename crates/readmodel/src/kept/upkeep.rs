//! What keeps the rows of a read model: which driving rows stand on what changed, and how theirs
//! are made anew.

use super::{Kept, all, list};
use crate::plan::Function;
use crate::sql::{READ_MODEL_PAGE, ReadModelSql};
use crate::wording::{Input, Sums};

impl Kept<'_> {
    /// All of it.
    pub fn statements(&self) -> ReadModelSql {
        let sources = 0..self.plan.sources.len();
        let mut remake = Vec::new();
        if self.plan.grouped {
            remake.push(self.take_away());
        }
        remake.extend([self.remove(), self.insert()]);
        if self.plan.grouped {
            remake.extend([self.add(), self.forget_empty(), self.probe()]);
        }
        let lay = sources.clone().map(|it| self.words.lay(self, it));
        ReadModelSql {
            version: self.version(),
            lay: lay.filter(|it| !it.is_empty()).collect(),
            lay_keys: self.words.lay_keys(self),
            lay_cursor: self.words.lay_cursor(self),
            touched: sources.clone().map(|it| self.touched(it, false)).collect(),
            touched_after: sources.clone().map(|it| self.touched(it, true)).collect(),
            all: self.all(false),
            all_after: self.all(true),
            remake,
            typed: self.words.typed(),
            sources: sources
                .map(|at| (at, self.plan.sources[at].table.clone()))
                .collect(),
        }
    }

    fn as_json(&self) -> String {
        let driving = self.key_columns(0);
        let names = self.plan.sources[0].key.iter().map(String::as_str);
        let pairs: Vec<_> = names.zip(driving.iter().map(String::as_str)).collect();
        self.words.json_object(&pairs)
    }

    fn touched(&self, source: usize, after: bool) -> String {
        let it = &self.plan.sources[source];
        let driving = self.key_columns(0);
        let Input { with, name: input } = self.words.changed(self, source);
        let key: Vec<String> = it.entity.iter().map(|it| self.words.ident(it)).collect();
        let was = key.iter().zip(self.key_columns(source));
        let was = all(was.map(|(column, own)| format!("r.{own} = freehold_i.{column}")));
        let is = it.entity.iter().zip(&key);
        let is =
            all(is.map(|(name, column)| {
                format!("{} = freehold_i.{column}", self.of(&it.alias, name))
            }));
        let first = &self.plan.sources[0];
        let paired = first.key.iter().zip(&driving);
        let now = list(
            paired.map(|(column, name)| format!("{} AS {name}", self.of(&first.alias, column))),
        );
        let behind = if after {
            format!(" WHERE {}", self.words.behind(self, &driving, 2))
        } else {
            String::new()
        };
        let names = list(driving.iter().cloned());
        format!(
            "{with}SELECT {} FROM (SELECT {} FROM {} AS r JOIN {input} AS freehold_i ON {was}
 UNION SELECT {now} FROM {} JOIN {input} AS freehold_i ON {is}) AS t{behind} ORDER BY {names} LIMIT {READ_MODEL_PAGE}",
            self.as_json(),
            list(driving.iter().map(|it| format!("r.{it}"))),
            self.rows(),
            self.from(&self.plan.path(source), false),
        )
    }

    fn all(&self, after: bool) -> String {
        let driving = self.key_columns(0);
        let names = list(driving.iter().cloned());
        let key = self.plan.sources[0].key.iter();
        let key: Vec<String> = key.map(|it| self.words.ident(it)).collect();
        let behind = |columns: &[String]| {
            if after {
                format!(" WHERE {}", self.words.behind(self, columns, 1))
            } else {
                String::new()
            }
        };
        let pairs = key.iter().zip(&driving);
        let paired = list(pairs.map(|(column, name)| format!("{column} AS {name}")));
        format!(
            "SELECT {} FROM (SELECT * FROM (SELECT {paired} FROM {}{} ORDER BY {} LIMIT {READ_MODEL_PAGE}) AS a
 UNION SELECT * FROM (SELECT DISTINCT {names} FROM {}{} ORDER BY {names} LIMIT {READ_MODEL_PAGE}) AS b) AS t ORDER BY {names} LIMIT {READ_MODEL_PAGE}",
            self.as_json(),
            self.copy(0),
            behind(&key),
            list(key.iter().cloned()),
            self.rows(),
            behind(&driving),
        )
    }

    /// Rows `r` of the model are those of the keys `i`.
    fn of_keys(&self) -> String {
        let pairs = self.plan.sources[0].key.iter().zip(self.key_columns(0));
        all(pairs.map(|(column, own)| format!("r.{own} = i.{}", self.words.ident(column))))
    }

    fn keys(&self) -> Input {
        self.words.keys(self)
    }

    fn remove(&self) -> String {
        let (rows, keys) = (self.rows(), self.keys());
        self.words.delete(&rows, &keys, &self.of_keys())
    }

    fn insert(&self) -> String {
        let Input { with, name: keys } = self.keys();
        let columns = self.columns();
        let it = &self.plan.sources[0];
        let same = it.key.iter().map(|column| {
            let own = self.words.ident(column);
            format!("{} = freehold_keys.{own}", self.of(&it.alias, column))
        });
        // The driving source is the first one of the join.
        let rest = self.from(&self.everything()[1..], true);
        format!(
            "{with}INSERT INTO {} ({}) SELECT {} FROM {keys} AS freehold_keys JOIN {} ON {}{rest}",
            self.rows(),
            list(columns.iter().map(|(name, _)| self.words.ident(name))),
            list(columns.iter().map(|(_, sql)| sql.clone())),
            self.joined(0, true),
            all(same),
        )
    }

    /// What rows of these keys add up to, by group: the columns and the query. `extrema`: with the
    /// smallest and largest among them, for groups that are new.
    fn sums(&self, keys: &Input, extrema: bool) -> (Vec<String>, String) {
        let mut columns = vec!["freehold_n".to_owned()];
        let mut select = vec!["count(*) AS freehold_n".to_owned()];
        for (at, aggregate, _) in self.valued() {
            let of = format!("r.freehold_a{at}");
            columns.push(format!("freehold_c{at}"));
            select.push(format!("count({of}) AS freehold_c{at}"));
            match aggregate.function {
                Function::Sum | Function::Avg => {
                    columns.push(format!("freehold_s{at}"));
                    select.push(format!("coalesce(sum({of}), 0) AS freehold_s{at}"));
                }
                Function::Min if extrema => select.push(format!("min({of}) AS freehold_m{at}")),
                Function::Max if extrema => select.push(format!("max({of}) AS freehold_m{at}")),
                Function::Min | Function::Max | Function::Count => {}
            }
        }
        let (shown, by) = self.grouping("r.");
        let sql = format!(
            "SELECT {shown}, {} FROM {} i JOIN {} AS r ON {} WHERE {} GROUP BY {by}",
            list(select),
            keys.name,
            self.rows(),
            self.of_keys(),
            self.words.is("r.freehold_in"),
        );
        (columns, sql)
    }

    fn take_away(&self) -> String {
        let keys = self.keys();
        let (columns, sql) = self.sums(&keys, false);
        let less = columns.into_iter().map(|it| {
            let less = format!("g.{it} - d.{it}");
            (it, less)
        });
        let touched = self.words.truth(true).to_owned();
        let touched = ("freehold_touched".to_owned(), touched);
        let set: Vec<_> = less.chain([touched]).collect();
        let sums = Sums {
            input: &keys,
            sql: &sql,
            on: "g.freehold_group = d.freehold_group",
        };
        self.words.update(&self.groups(), &set, &sums)
    }

    fn add(&self) -> String {
        let keys = self.keys();
        let (columns, sql) = self.sums(&keys, true);
        let all = self.group_columns().into_iter().map(|(name, _)| name);
        let mut names = self.by();
        names.extend(all.filter(|name| name != "freehold_touched"));
        let sums = Sums {
            input: &keys,
            sql: &sql,
            on: "",
        };
        self.words
            .insert_or_add(&self.groups(), &names, &columns, &sums)
    }

    fn touched_groups(&self) -> String {
        let touched = self.words.is("freehold_touched");
        format!("{touched}{}", self.words.heeds())
    }

    fn forget_empty(&self) -> String {
        let (groups, touched) = (self.groups(), self.touched_groups());
        format!("DELETE FROM {groups} WHERE freehold_n = 0 AND {touched}")
    }

    /// The smallest and largest of each group that was touched, by one look into an index.
    fn probe(&self) -> String {
        let none = self.words.truth(false);
        let mut set = vec![format!("freehold_touched = {none}")];
        for (at, aggregate, _) in self.valued() {
            let order = match aggregate.function {
                Function::Min => "",
                Function::Max => " DESC",
                _ => continue,
            };
            set.push(format!(
                "freehold_m{at} = (SELECT r.freehold_a{at} FROM {} AS r WHERE r.freehold_group = g.freehold_group
 AND {} AND r.freehold_a{at} IS NOT NULL ORDER BY r.freehold_a{at}{order} LIMIT 1)",
                self.rows(),
                self.words.is("r.freehold_in"),
            ));
        }
        let (groups, touched) = (self.groups(), self.touched_groups());
        format!("UPDATE {groups} AS g SET {} WHERE {touched}", list(set))
    }
}
