//! Many connections: echoing, a pool too small for them, coming and going without a trace.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::thread;

use super::support::{Shard, in_executor, in_process, seed, talk, tcp_pair};
use crate::net::event::Event;
use crate::net::listener::{ListenAddress, Listener};
use crate::net::options::NetOptions;
use crate::net::socket_options::{self, Address};

fn check_echo(options: NetOptions, ring_park: bool, connections: usize, rounds: usize) {
    let seed = seed();
    in_executor(async move || {
        let mut shard = Shard::new(options, ring_park);
        let free = shard.net.free_buffers();
        let address = shard.listen();
        let clients: Vec<_> = (0..4)
            .map(|thread| {
                thread::spawn(move || clients(address, connections / 4, rounds, seed ^ thread))
            })
            .collect();
        shard.echo(connections).await;
        clients.into_iter().for_each(|client| client.join().unwrap());
        shard.drained().await;
        assert_eq!(shard.net.free_buffers(), free);
    });
}

fn clients(address: SocketAddr, count: usize, rounds: usize, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let streams: Vec<_> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &streams {
        talk(stream.try_clone().unwrap(), rounds, &mut rng);
    }
}

#[test]
fn echoes_to_many_connections_parked_in_the_ring() {
    check_echo(NetOptions::default(), true, 100, 40);
}

#[test]
fn echoes_to_many_connections_parked_in_glommio() {
    check_echo(NetOptions::default(), false, 100, 40);
}

#[test]
fn queues_smaller_than_a_turn_lose_nothing() {
    let options = NetOptions { submissions: 4, completions: 8, ..NetOptions::default() };
    check_echo(options, true, 64, 20);
}

#[test]
fn four_buffers_serve_64_connections_that_all_send_at_once() {
    let options = NetOptions { buffers: 4, buffer_bytes: 256, ..NetOptions::default() };
    in_executor(async move || {
        let mut shard = Shard::new(options, true);
        let address = shard.listen();
        let clients = thread::spawn(move || {
            let mut streams: Vec<_> =
                (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
            for _ in 0..10 {
                for stream in &mut streams {
                    stream.write_all(&[7; 5000]).unwrap();
                }
                for stream in &mut streams {
                    stream.read_exact(&mut [0; 5000]).unwrap();
                }
            }
        });
        shard.echo(64).await;
        clients.join().unwrap();
        shard.drained().await;
        assert_eq!(shard.net.free_buffers(), 4);
    });
}

#[test]
fn two_thousand_connections_leave_no_descriptor() {
    in_process("net::tests::connections::come_and_go");
}

#[test]
#[ignore = "counts the descriptors of the whole process: run in one of its own"]
fn come_and_go() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let free = shard.net.free_buffers();
        let address = shard.listen();
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        let mut before = 0;
        for round in 0..20 {
            let client = thread::spawn(move || {
                let mut rng = fastrand::Rng::with_seed(round);
                clients(address, 100, 1, rng.u64(..));
            });
            shard.echo(100).await;
            client.join().unwrap();
            shard.drained().await;
            if round == 0 {
                before = open();
            }
        }
        assert_eq!(open(), before);
        assert_eq!(shard.net.free_buffers(), free);
    });
}

#[test]
fn running_out_of_descriptors_is_reported_and_passes() {
    in_process("net::tests::connections::out_of_descriptors");
}

#[test]
#[ignore = "lowers the descriptor limit of the whole process: run in one of its own"]
fn out_of_descriptors() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let address = shard.listen();
        let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
        let top = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads and sets limits of this process through a local structure.
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
            limit.rlim_cur = top + 3;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
        let (mut kept, mut failures, mut turns) = (Vec::new(), 0, 0);
        while kept.len() + failures < 13 && kept.len() < 10 {
            turns += 1;
            for event in shard.next().await {
                match event {
                    Event::Accepted { fd, .. } => kept.push(fd),
                    Event::AcceptFailed { error, .. } => {
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                        failures += 1;
                        // Room again: the rest must be accepted after the pause.
                        limit.rlim_cur = top + 100;
                        // SAFETY: as above.
                        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
                    }
                    other => panic!("unexpected {other:?}"),
                }
            }
        }
        assert_eq!((kept.len(), failures), (10, 1), "after {turns} turns");
        clients.clear();
    });
}

#[test]
fn unix_sockets_and_ipv6_are_served_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    fs::write(&path, "stale").unwrap();
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let unix = ListenAddress::Unix { path: path.clone(), mode: Some(0o700) };
        shard.net.listen(Listener::open(&unix, 16).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let six = Listener::open(&ListenAddress::Tcp("[::1]:0".parse().unwrap()), 16).unwrap();
        let address = six.local_address().unwrap();
        shard.net.listen(six);
        let client = thread::spawn(move || {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            talk(TcpStream::connect(address).unwrap(), 3, &mut fastrand::Rng::with_seed(1));
        });
        shard.echo(2).await;
        client.join().unwrap();
    });
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ListenAddress::Tcp(taken.local_addr().unwrap());
    let error = Listener::open(&address, 1).unwrap_err().to_string();
    assert!(error.starts_with("bind: Address already in use"), "{error}");
    let missing = ListenAddress::Unix { path: "/nonexistent/socket".into(), mode: None };
    assert!(Listener::open(&missing, 1).is_err());
}

#[test]
fn a_closed_listener_accepts_no_more() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let listener = Listener::open(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()), 16);
        let listener = listener.unwrap();
        let address = listener.local_address().unwrap();
        let id = shard.net.listen(listener);
        shard.net.turn(&mut Vec::new()).unwrap();
        shard.net.close_listener(id);
        shard.net.turn(&mut Vec::new()).unwrap();
        shard.net.turn(&mut Vec::new()).unwrap();
        assert!(TcpStream::connect(address).is_err());
    });
}

#[test]
fn a_stopped_listener_is_silent_at_once() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let listener = Listener::open(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()), 16);
        let listener = listener.unwrap();
        let (address, handle) = (listener.local_address().unwrap(), listener.duplicate().unwrap());
        let id = shard.net.listen(listener);
        let mut events = Vec::new();
        shard.net.turn(&mut events).unwrap();
        handle.stop();
        assert!(TcpStream::connect(address).is_err());
        // That accepting has failed is no news.
        for _ in 0..3 {
            shard.net.turn(&mut events).unwrap();
        }
        assert!(events.is_empty());
        shard.net.close_listener(id);
    });
}

#[test]
fn outbound_connections_stand_or_fail() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let source = "127.0.0.2".parse().unwrap();
        let id = shard.net.connect(address, Some(source)).unwrap();
        let events = shard.next().await;
        assert!(matches!(events[0], Event::Connected { socket } if socket == id), "{events:?}");
        let (mut peer, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), source);
        peer.write_all(b"hello").unwrap();
        for event in shard.next().await {
            let Event::Received { socket, buffer } = event else { panic!("{event:?}") };
            assert_eq!((socket, shard.net.bytes(&buffer)), (id, b"hello".as_slice()));
            shard.net.release(buffer);
        }
        drop(listener);
        let refused = shard.net.connect(address, None).unwrap();
        let events = shard.next().await;
        let Event::ConnectFailed { socket, error } = &events[0] else { panic!("{events:?}") };
        assert_eq!((*socket, error.raw_os_error()), (refused, Some(libc::ECONNREFUSED)));
        let hasty = shard.net.connect(address, None).unwrap();
        shard.net.close(hasty);
        shard.net.close(id);
        shard.drained().await;
        let foreign = "203.0.113.9".parse().unwrap();
        assert!(shard.net.connect(address, Some(foreign)).is_err());
    });
}

#[test]
fn options_and_addresses_are_those_of_the_kernel() {
    let (fd, client) = tcp_pair();
    socket_options::set_nodelay(&fd, true).unwrap();
    socket_options::set_keepalive(&fd, 300).unwrap();
    let socket = socket2::SockRef::from(&fd);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_interval().unwrap().as_secs(), 100);
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    socket_options::set_keepalive(&fd, 0).unwrap();
    assert!(!socket.keepalive().unwrap());
    let peer = socket_options::peer_address(&fd).unwrap();
    assert_eq!(peer, Address::Ip(client.local_addr().unwrap()));
    assert_eq!(peer.to_string(), client.local_addr().unwrap().to_string());
    let local = socket_options::local_address(&fd).unwrap();
    assert_eq!(local, Address::Ip(client.peer_addr().unwrap()));
}
