//! What a search around a place is asked, in the words of each command that searches. Pure, but
//! for the place of a member, which the set knows.

use crate::base::number;
use crate::command::error::CommandError;
use crate::command::geo::areas::Shape;
use crate::command::geo::cells::Cell;
use crate::command::geo::places::{place, unit};
use crate::command::geo::sphere::Place;
use crate::command::spec::CommandResult;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::request::Args;

/// The command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GEORADIUS and GEORADIUS_RO: the place and the radius are arguments 2 to 5.
    Radius {
        /// Whether STORE and STOREDIST are words of it.
        stores: bool,
    },
    /// GEORADIUSBYMEMBER and GEORADIUSBYMEMBER_RO: member and radius are arguments 2 to 4.
    RadiusByMember {
        /// Whether STORE and STOREDIST are words of it.
        stores: bool,
    },
    /// GEOSEARCH: words say all.
    Search,
    /// GEOSEARCHSTORE: the same, behind a key more.
    SearchStore,
}

/// How what is found is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// As it is found.
    None,
    /// The nearest first.
    Ascending,
    /// The farthest first.
    Descending,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct SearchRequest<'a> {
    /// The middle; `None` if it is a member's place and there is no set.
    pub middle: Option<Place>,
    /// Around it.
    pub shape: Option<Shape>,
    /// Meters of the unit in which distances are told.
    pub unit: f64,
    /// WITHDIST.
    pub with_distance: bool,
    /// WITHHASH.
    pub with_hash: bool,
    /// WITHCOORD.
    pub with_place: bool,
    /// ASC, DESC.
    pub sorting: Sorting,
    /// COUNT; 0 is all.
    pub count: usize,
    /// ANY: the search may end when so many are found.
    pub any: bool,
    /// The key under which what is found is stored.
    pub store: Option<&'a [u8]>,
    /// Distances are stored, not cells.
    pub store_distances: bool,
    has_middle: bool,
}

impl<'a> SearchRequest<'a> {
    /// Reads the arguments; `set` is the one that is searched.
    ///
    /// # Errors
    /// Words out of place, numbers that are none, a member that is not there.
    pub fn parse(
        args: Args<'a>,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<SearchRequest<'a>, CommandError> {
        let mut request = SearchRequest {
            middle: None,
            shape: None,
            unit: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            sorting: Sorting::None,
            count: 0,
            any: false,
            store: (form == Form::SearchStore).then(|| args.get(1)),
            store_distances: false,
            has_middle: false,
        };
        let mut index = request.parse_fixed(args, form, set)?;
        while index < args.len() {
            index += request.parse_word(args, index, form, set)?;
        }
        request.check(form)?;
        Ok(request)
    }

    /// Reads the arguments at fixed places; where the words begin.
    fn parse_fixed(
        &mut self,
        args: Args<'a>,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<usize, CommandError> {
        match form {
            Form::Radius { .. } => {
                self.middle = Some(place(args, 2)?);
                self.parse_circle(args, 4)?;
                Ok(6)
            }
            // Without a set nothing is found, however far.
            Form::RadiusByMember { .. } if set.is_none() => Ok(5),
            Form::RadiusByMember { .. } => {
                self.middle = member_place(set, args.get(2))?;
                self.parse_circle(args, 3)?;
                Ok(5)
            }
            Form::Search => Ok(2),
            Form::SearchStore => Ok(3),
        }
    }

    /// Reads the word at `index` and what belongs to it; how many arguments those are.
    fn parse_word(
        &mut self,
        args: Args<'a>,
        index: usize,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<usize, CommandError> {
        let left = args.len() - index - 1;
        let is_search = matches!(form, Form::Search | Form::SearchStore);
        let stores =
            matches!(form, Form::Radius { stores: true } | Form::RadiusByMember { stores: true });
        match args.get(index).to_ascii_lowercase().as_slice() {
            b"withdist" => self.with_distance = true,
            b"withhash" => self.with_hash = true,
            b"withcoord" => self.with_place = true,
            b"any" => self.any = true,
            b"asc" => self.sorting = Sorting::Ascending,
            b"desc" => self.sorting = Sorting::Descending,
            b"count" if left >= 1 => {
                let count =
                    number::parse_i64(args.get(index + 1)).ok_or(CommandError::NotInteger)?;
                if count <= 0 {
                    return Err(CommandError::text("ERR COUNT must be > 0"));
                }
                self.count = usize::try_from(count).unwrap_or(usize::MAX);
                return Ok(2);
            }
            word @ (b"store" | b"storedist") if stores && left >= 1 => {
                self.store = Some(args.get(index + 1));
                self.store_distances = word == b"storedist";
                return Ok(2);
            }
            b"storedist" if form == Form::SearchStore => self.store_distances = true,
            b"frommember" if is_search && left >= 1 && !self.has_middle => {
                self.middle = member_place(set, args.get(index + 1))?;
                self.has_middle = true;
                return Ok(2);
            }
            b"fromlonlat" if is_search && left >= 2 && !self.has_middle => {
                self.middle = Some(place(args, index + 1)?);
                self.has_middle = true;
                return Ok(3);
            }
            b"byradius" if is_search && left >= 2 && self.shape.is_none() => {
                self.parse_circle(args, index + 1)?;
                return Ok(3);
            }
            b"bybox" if is_search && left >= 3 && self.shape.is_none() => {
                self.parse_box(args, index + 1)?;
                return Ok(4);
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(1)
    }

    fn parse_circle(&mut self, args: Args<'_>, index: usize) -> CommandResult {
        let radius = number::parse_f64(args.get(index));
        let radius = radius.ok_or(CommandError::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::text("ERR radius cannot be negative"));
        }
        self.unit = unit(args.get(index + 1))?;
        self.shape = Some(Shape::Circle(radius * self.unit));
        Ok(())
    }

    fn parse_box(&mut self, args: Args<'_>, index: usize) -> CommandResult {
        let width = number::parse_f64(args.get(index));
        let width = width.ok_or(CommandError::text("ERR need numeric width"))?;
        let height = number::parse_f64(args.get(index + 1));
        let height = height.ok_or(CommandError::text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::text("ERR height or width cannot be negative"));
        }
        self.unit = unit(args.get(index + 2))?;
        self.shape = Some(Shape::Box { width: width * self.unit, height: height * self.unit });
        Ok(())
    }

    fn check(&self, form: Form) -> CommandResult {
        let with = self.with_distance || self.with_hash || self.with_place;
        if self.store.is_some() && with {
            return Err(CommandError::text(match form {
                Form::SearchStore => {
                    "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD \
                     options"
                }
                _ => {
                    "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
                     WITHCOORD options"
                }
            }));
        }
        let name = match form {
            Form::Search => Some("geosearch"),
            Form::SearchStore => Some("geosearchstore"),
            _ => None,
        };
        if let Some(name) = name.filter(|_| !self.has_middle) {
            return Err(CommandError::owned(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if let Some(name) = name.filter(|_| self.shape.is_none()) {
            return Err(CommandError::owned(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            )));
        }
        if self.any && self.count == 0 {
            return Err(CommandError::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

fn member_place(set: Option<&SortedSet>, member: &[u8]) -> Result<Option<Place>, CommandError> {
    let Some(set) = set else { return Ok(None) };
    let missing = CommandError::text("ERR could not decode requested zset member");
    let score = set.score(member).ok_or(missing)?;
    Ok(Some(Cell::of_score(score).place()))
}
